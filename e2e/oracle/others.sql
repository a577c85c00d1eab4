-- What other systems answer wrongly, or refuse. First Qserv: a predicate that is not asked for being true
any: SELECT COUNT(*) FROM Object WHERE scisql_s2PtInBox(ra, decl, 10, -5, 30, 10) = 0
any: SELECT COUNT(*) FROM Object WHERE scisql_s2PtInBox(decl, ra, 10, -5, 30, 10) = 1
-- Distances that are compared otherwise than with <
any: SELECT COUNT(*) FROM Object o1, Object o2 WHERE scisql_angSep(o1.ra, o1.decl, o2.ra, o2.decl) <> 0.5 AND o1.tiny = 0 AND o2.tiny = 1
any: SELECT COUNT(*) FROM Object o1, Object o2 WHERE scisql_angSep(o1.ra, o1.decl, o2.ra, o2.decl) <=> 0 AND o1.tiny < 3 AND o2.tiny < 2
any: SELECT COUNT(*) FROM Object o1, Object o2 WHERE scisql_angSep(o1.ra, o1.decl, o2.ra, o2.decl) = 0
-- Aggregates beside plain factors, and within functions and parentheses
any: SELECT 2 * SUM(tiny), COUNT(*) * 2, SUM(price) / 7, 10 - COUNT(run) FROM Object
any: SELECT run, 2 * SUM(tiny) + run, COUNT(*) * run FROM Object GROUP BY run
any: SELECT ROUND(AVG(price)), (SUM(tiny) + 1), ABS(MIN(run)), CONCAT(MAX(run), '-') FROM Object
-- A reference table first, and an area
any: SELECT f.filterName, COUNT(*) FROM Filter f JOIN Object o ON f.filterId = o.tiny WHERE qserv_areaspec_circle(20, 0, 6) GROUP BY f.filterName ### SELECT f.filterName, COUNT(*) FROM Filter f JOIN Object o ON f.filterId = o.tiny WHERE scisql_s2PtInCircle(o.ra, o.decl, 20, 0, 6) = 1 GROUP BY f.filterName
-- Aggregates that no parts make
any: SELECT scisql_median(tiny), scisql_percentile(flux, 10) FROM Object WHERE objectId IN (SELECT objectId FROM Source)
-- The type of a count
any: SELECT COUNT(*), COUNT(run), COUNT(DISTINCT run) FROM Object WHERE tiny < 3
-- Several terms with keys, and areas
any: SELECT objectId FROM Object WHERE objectId IN (390030275138001, 390030275138002, 390030275138003) AND objectId IN (390030275138002, 390030275138003, 390030275138099)
any: SELECT COUNT(*) FROM Object WHERE objectId NOT IN (390030275138001, 390030275138002)
any: SELECT objectId FROM Object WHERE objectId IN (390030275138001, 390030275138002, 390030275138050) AND qserv_areaspec_box(0, -20, 20, 20) ### SELECT objectId FROM Object WHERE objectId IN (390030275138001, 390030275138002, 390030275138050) AND scisql_s2PtInBox(ra, decl, 0, -20, 20, 20) = 1
any: SELECT COUNT(*) FROM Object WHERE qserv_areaspec_circle(20, 0, 6) AND qserv_areaspec_box(18, -5, 30, 10) ### SELECT COUNT(*) FROM Object WHERE scisql_s2PtInCircle(ra, decl, 20, 0, 6) = 1 AND scisql_s2PtInBox(ra, decl, 18, -5, 30, 10) = 1
any: SELECT objectId FROM Object WHERE objectId BETWEEN 390030275138020 AND 390030275138040
-- Neighbours outside the area of the first
any: SELECT COUNT(*), SUM(o2.tiny) FROM Object o1, Object o2 WHERE scisql_s2PtInCircle(o1.ra, o1.decl, 20, 0, 6) = 1 AND scisql_angSep(o1.ra, o1.decl, o2.ra, o2.decl) < 1.5
-- Then Vitess: aggregates over several shards
any~: SELECT STDDEV(mag), STDDEV_SAMP(mag), VARIANCE(mag), BIT_OR(tiny), JSON_LENGTH(JSON_ARRAYAGG(tiny)) FROM Object
any: SELECT COUNT(DISTINCT run), COUNT(DISTINCT kind), SUM(DISTINCT tiny) FROM Object
any: SELECT AVG(DISTINCT tiny), COUNT(DISTINCT run, kind) FROM Object
any: SELECT GROUP_CONCAT(objectId ORDER BY objectId), GROUP_CONCAT(DISTINCT run ORDER BY run DESC) FROM Object
-- Windows
any: SELECT objectId, COUNT(*) OVER (PARTITION BY objectId) FROM Source
any: SELECT objectId, ROW_NUMBER() OVER (ORDER BY objectId) FROM Object
any: SELECT kind, MEDIAN(tiny) OVER (PARTITION BY kind) FROM Object
-- Correlated subqueries
any: SELECT objectId FROM Object o WHERE NOT EXISTS (SELECT 1 FROM Source s WHERE s.objectId = o.objectId AND s.quality = 'bad')
any: SELECT objectId FROM Object o WHERE o.tiny IN (SELECT s.filterId FROM Source s WHERE s.objectId = o.objectId)
any: SELECT objectId, (SELECT COUNT(*) FROM Source s WHERE s.objectId = o.objectId) AS n FROM Object o
-- Derived tables and WITH
any: SELECT run FROM (SELECT run, AVG(tiny) AS m FROM Object GROUP BY run) t WHERE m > 1.4
any: WITH RECURSIVE r AS (SELECT MIN(objectId) AS id, 1 AS n FROM Object UNION ALL SELECT o.objectId, n + 1 FROM r JOIN Object o ON o.objectId = r.id + 1 WHERE n < 5) SELECT id, n FROM r
any: WITH c AS (SELECT run, COUNT(*) AS n FROM Object GROUP BY run) SELECT x.run, y.run AS before_it, y.n FROM c x JOIN c y ON x.run = y.run + 1
any: WITH c AS (SELECT run, COUNT(*) AS n FROM Object GROUP BY run) SELECT COUNT(*) FROM c x JOIN c y WHERE x.run = 1 AND y.run = 2
any: WITH c AS (SELECT objectId, tiny FROM Object WHERE tiny < 2) SELECT COUNT(*) FROM c x JOIN c y ON x.tiny = y.tiny + 1
any: SELECT f.filterId FROM Filter f, LATERAL (SELECT COUNT(*) AS n FROM Source s WHERE s.filterId = f.filterId) t
-- Everything else
any: SELECT kind, COUNT(*), MAX(tiny) FROM Object GROUP BY kind WITH ROLLUP
any: SELECT COUNT(*) FROM Object NATURAL JOIN Source
any: SELECT run FROM Object INTERSECT SELECT filterId FROM Source
any: SELECT run FROM Object EXCEPT SELECT filterId FROM Source
fixed: SELECT objectId FROM Object ORDER BY objectId FETCH FIRST 3 ROWS ONLY
fixed: SELECT run FROM Object UNION SELECT filterId FROM Source ORDER BY 1
any: SELECT kind FROM Object UNION DISTINCT SELECT quality FROM Source
any: SELECT COUNT(*) FROM Object UNION ALL SELECT COUNT(*) FROM Source
any: VALUES (1, 'a'), (2, 'b')
any: SELECT COUNT(*) FROM Object WHERE tiny IN (VALUES (1), (2))
