-- Subqueries of every kind, wherever they may stand
any: SELECT objectId, run FROM Object WHERE objectId IN (SELECT objectId FROM Source WHERE quality = 'bad')
any: SELECT COUNT(*) FROM Object WHERE flux >= ALL (SELECT flux FROM Object WHERE flux IS NOT NULL)
any: SELECT COUNT(*) FROM Object WHERE run = ANY (SELECT filterId FROM Filter)
any: SELECT COUNT(*) FROM Object WHERE (run, tiny) IN (SELECT run, tiny FROM Object WHERE tiny < 100)
any: SELECT o.objectId, (SELECT MAX(s.psfFlux) FROM Source s WHERE s.objectId = o.objectId) AS m FROM Object o
any: SELECT kind, COUNT(*) FROM Object GROUP BY kind HAVING COUNT(*) > (SELECT COUNT(*) FROM Filter)
fixed: SELECT objectId FROM Object o ORDER BY (SELECT COUNT(*) FROM Source s WHERE s.objectId = o.objectId), objectId LIMIT 20
any: SELECT * FROM Filter WHERE filterId = (SELECT MIN(filterId) FROM Source)
any: SELECT COUNT(*) FROM (SELECT objectId FROM Object WHERE tiny < 20) dbvrcnt
any: SELECT SUM(n) FROM (SELECT filterId, COUNT(*) n FROM Source GROUP BY filterId) t
any: SELECT COUNT(*) FROM (SELECT objectId, COUNT(*) n FROM Source GROUP BY objectId LIMIT 7) t
any: SELECT o.kind, MAX(n) FROM Object o JOIN (SELECT objectId % 100 k, objectId, COUNT(*) n FROM Source GROUP BY objectId) t ON o.tiny = t.k GROUP BY o.kind
any: SELECT * FROM (SELECT * FROM Object) o WHERE o.objectId IN (SELECT objectId FROM Source WHERE filterId = 2)
any: SELECT DATABASE(), (SELECT COUNT(*) FROM Source) FROM Filter
any: SELECT objectId FROM Object WHERE tiny NOT IN (SELECT filterId FROM Source)
any: SELECT objectId, mag FROM Object o WHERE EXISTS (SELECT 1 FROM Source s WHERE s.filterId = o.tiny AND s.psfMag > o.mag)
any: SELECT COUNT(*) FROM Object o WHERE NOT EXISTS (SELECT * FROM Source s WHERE s.filterId = o.run)
any: SELECT objectId FROM Object WHERE objectId NOT IN (SELECT sourceId FROM Source)
any: SELECT objectId FROM Object WHERE objectId IN (SELECT MAX(objectId) FROM Source)
any: SELECT objectId FROM Object WHERE objectId IN (SELECT MIN(objectId) FROM Source GROUP BY filterId)
any: SELECT COUNT(*) FROM Object WHERE objectId NOT IN (SELECT s.objectId FROM Object o LEFT JOIN Source s ON s.objectId = o.objectId)
any: SELECT COUNT(*) FROM Object o LEFT JOIN Source s ON o.objectId = s.objectId WHERE s.objectId NOT IN (SELECT objectId FROM Object WHERE tiny = 9)
any: SELECT * FROM Filter f WHERE EXISTS (SELECT 1 FROM Source s WHERE s.filterId = f.filterId AND s.psfFlux > 9000)
any: SELECT COUNT(*) FROM Object WHERE objectId = (SELECT MIN(objectId) FROM Source)
any: SELECT COUNT(*) FROM Object WHERE EXISTS (SELECT 1 FROM DUAL)
-- WITH
any: WITH b AS (SELECT objectId, tiny FROM Object WHERE tiny < 160) SELECT COUNT(*), AVG(tiny) FROM b
any: WITH Object AS (SELECT objectId FROM sky.Source) SELECT COUNT(*), COUNT(DISTINCT objectId) FROM Object
fixed: WITH RECURSIVE n AS (SELECT 1 k UNION ALL SELECT k + 1 FROM n WHERE k < 20) SELECT n.k, COUNT(o.objectId) FROM n LEFT JOIN Object o ON o.tiny % 20 = n.k GROUP BY n.k ORDER BY n.k
any: WITH RECURSIVE chain AS (SELECT objectId, 1 AS depth FROM Object WHERE tiny < 50 UNION ALL SELECT c.objectId, depth + 1 FROM chain c JOIN Object o ON o.objectId = c.objectId WHERE depth < 3) SELECT depth, COUNT(*) FROM chain GROUP BY depth
-- Set operations
any: SELECT objectId FROM Object UNION SELECT objectId FROM Source
any: SELECT kind, tiny FROM Object UNION ALL SELECT quality, filterId FROM Source
any: SELECT kind FROM Object WHERE tiny < 100 INTERSECT SELECT kind FROM Object WHERE tiny > 150
any: SELECT objectId FROM Object EXCEPT SELECT objectId FROM Source
fixed: (SELECT objectId FROM Object ORDER BY objectId LIMIT 3) UNION ALL (SELECT objectId FROM Object ORDER BY objectId DESC LIMIT 3) ORDER BY 1
any: SELECT filterName FROM Filter UNION ALL SELECT code FROM Object
any: SELECT tiny FROM Object WHERE tiny < 60 UNION DISTINCT (SELECT filterId FROM Source EXCEPT SELECT 2)
fixed: SELECT objectId, tiny FROM Object WHERE tiny > 200 UNION SELECT sourceId, filterId FROM Source ORDER BY 1, 2 LIMIT 5, 20
-- Windows
any: SELECT objectId, ROW_NUMBER() OVER (PARTITION BY kind ORDER BY objectId) AS rn FROM Object
any: SELECT sourceId, COUNT(psfFlux) OVER (PARTITION BY objectId ORDER BY sourceId) c, LAG(filterId) OVER (ORDER BY sourceId) l FROM Source
any: SELECT objectId, RANK() OVER w, NTILE(4) OVER w FROM Object WINDOW w AS (ORDER BY tiny, objectId)
fixed: SELECT kind, SUM(COUNT(*)) OVER (ORDER BY kind) FROM Object GROUP BY kind ORDER BY kind
any: SELECT objectId FROM (SELECT objectId, ROW_NUMBER() OVER (PARTITION BY kind ORDER BY tiny DESC, objectId) rn FROM Object) x WHERE rn = 1
-- Joins
any: SELECT o.objectId, s.sourceId FROM Object o RIGHT JOIN Source s ON o.objectId = s.objectId AND o.tiny > 100
any: SELECT COUNT(*) FROM Object NATURAL JOIN Filter
any: SELECT COUNT(*), SUM(o1.tiny) FROM Object o1 JOIN Object o2 ON o1.run = o2.run AND o1.objectId < o2.objectId
any: SELECT f.filterName, s.sourceId FROM Filter f LEFT JOIN Source s ON f.filterId = s.filterId AND s.quality = 'good'
any: SELECT o1.objectId, o2.objectId FROM Object o1, Object o2 WHERE scisql_angSep(o1.ra, o1.decl, o2.ra, o2.decl) < 0.7 AND o1.objectId < o2.objectId
any: SELECT COUNT(*) FROM (Object o JOIN Source s ON o.objectId = s.objectId) LEFT JOIN Filter f ON f.filterId = s.filterId
any: SELECT COUNT(*) FROM Object o JOIN Source s JOIN Filter f ON f.filterId = s.filterId ON o.objectId = s.objectId
any: SELECT COUNT(*) FROM Object o LEFT JOIN Object p ON o.tiny = p.run AND p.kind = 'star' WHERE p.objectId IS NULL AND o.tiny < 100
any: SELECT o.objectId FROM Object o LEFT JOIN (SELECT objectId FROM Source WHERE quality = 'good') g ON g.objectId = o.objectId WHERE g.objectId IS NULL
any: SELECT COUNT(*) FROM Object o STRAIGHT_JOIN Source s ON s.filterId = o.tiny % 6 WHERE o.tiny < 20 AND s.quality = 'bad'
-- Aggregates
fixed: SELECT kind, tiny % 3 AS k, COUNT(*), SUM(tiny) FROM Object GROUP BY kind, k WITH ROLLUP
fixed: SELECT kind, GROUP_CONCAT(objectId ORDER BY objectId SEPARATOR '-'), GROUP_CONCAT(DISTINCT tiny % 5 ORDER BY 1) FROM Object GROUP BY kind ORDER BY kind
any: SELECT LENGTH(JSON_ARRAYAGG(objectId)), COUNT(JSON_OBJECTAGG(objectId, kind)) FROM Object
fixed~: SELECT kind, scisql_median(tiny), STD(flux), VAR_POP(tiny), VAR_SAMP(flux), STDDEV_SAMP(mag) FROM Object GROUP BY kind ORDER BY kind
any: SELECT scisql_median(tiny), scisql_percentile(tiny, 90) FROM Object
any: SELECT COALESCE(mag, 0), COUNT(*) FROM Object GROUP BY COALESCE(mag, 0)
any: SELECT mag, fixed, bits, padded, born, seen, day, at, flags, HEX(note) FROM Object o WHERE EXISTS (SELECT 1 FROM Object p WHERE p.mag <=> o.mag AND p.fixed <=> o.fixed AND p.flux <=> o.flux)
any: SELECT tiny, MIN(bits), MAX(bits) FROM Object GROUP BY tiny
-- The number of MIN and MAX of ENUM and SET depends on whether MariaDB stores them on the way
any: SELECT tiny, MAX(kind) * 2 + 1, MIN(kind) + 0, MAX(flags) * 2, MIN(flags) | 0 FROM Object GROUP BY tiny
any: SELECT tiny, MAX(kind) > 0, IF(MIN(flags), 1, 2), ABS(MAX(kind)), ELT(MAX(kind), 'e', 'f'), NOT MAX(kind) FROM Object GROUP BY tiny HAVING MAX(kind) OR TRUE
any: SELECT YEAR(o.seen), MAX(s.quality) * 2 + 1 FROM Object o, Source s WHERE o.objectId = s.objectId AND o.objectId = 390030275138008 GROUP BY o.seen
any: SELECT objectId, MAX(kind) * 2 + 1, MIN(flags) + 0 FROM Object WHERE objectId = 390030275138008 GROUP BY objectId
any: SELECT objectId, MAX(kind) * 2 + 1 FROM Object GROUP BY objectId
-- So does that of MIN and MAX of texts
any: SELECT MAX(DATE_FORMAT(at, '%d.%H')) + 0, MAX(DATE_FORMAT(at, '%d.%H')) > 1, MIN(CAST(price AS CHAR)) + 0 FROM Object
any: SELECT 1 FROM Object WHERE objectId IN (390030275138117, 390030275138120, 7) HAVING MAX(DATE_FORMAT(at, '%d.%H')) > 1
any: SELECT mag, MAX(DATE_FORMAT(at, '%d.%H')) + 0 FROM Object WHERE objectId BETWEEN 390030275138135 AND 390030275138155 GROUP BY mag HAVING MAX(DATE_FORMAT(at, '%d.%H')) > 1
-- Quotients in groups of listed keys
any: SELECT decl, AVG(1 / padded), SUM(1 / padded) FROM Object WHERE objectId IN (390030275138066, 390030275138069, 7) GROUP BY decl
any: SELECT chunkId IS NULL, COUNT(*) FROM Object WHERE tiny IN (SELECT filterId FROM Source) GROUP BY 1
fixed: SELECT tiny, COUNT(*) FROM Object GROUP BY tiny DESC ORDER BY tiny
any: SELECT seen, at, day, born FROM Object WHERE seen > '2000-01-01' AND at = (SELECT MAX(at) FROM Object WHERE at < NOW())
any: SELECT COUNT(DISTINCT tiny), GROUP_CONCAT(DISTINCT kind ORDER BY kind DESC) FROM Object WHERE objectId IN (390030275138001, 390030275138002, 390030275138003)
-- Names
any: SELECT nope FROM Object WHERE objectId IN (SELECT objectId FROM Source)
any: SELECT objectId FROM Object WHERE objectId IN (SELECT nope FROM Source)
any: SELECT objectId FROM Object WHERE objectId = (SELECT objectId FROM Source)
-- Places
any: SELECT COUNT(*), scisql_median(flux) FROM Object WHERE qserv_areaspec_circle(20, 0, 6) ### SELECT COUNT(*), scisql_median(flux) FROM Object WHERE scisql_s2PtInCircle(ra, decl, 20, 0, 6) = 1
any: SELECT objectId FROM Object WHERE qserv_areaspec_box(10, -5, 30, 10) AND tiny IN (SELECT filterId FROM Source) ### SELECT objectId FROM Object WHERE scisql_s2PtInBox(ra, decl, 10, -5, 30, 10) = 1 AND tiny IN (SELECT filterId FROM Source)
