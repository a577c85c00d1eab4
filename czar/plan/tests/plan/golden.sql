-- order (~: sums of doubles may differ by rounding): statement [### statement for the one server, where it differs]
-- Projections
any: SELECT * FROM Object
any: SELECT objectId, ra, decl, mag FROM sky.Object WHERE mag > 17.12 AND kind = 'star'
any: SELECT o.* FROM Object o WHERE o.run IN (1, 2, 3) OR o.name LIKE 'v%'
any: SELECT Object.objectId, sky.Object.ra + 1, UPPER(name), padded, bits + 0, born FROM Object
any: SELECT objectId, mag * 2, -mag, mag + flux, ROUND(flux, 2), flux DIV 7, run % 3, run & 3, 5 ^ 3, ~run, 5--1, 0x4D + 0, X'4D', b'101' + 0 FROM Object
any: SELECT CASE WHEN run > 2 THEN 'hi' WHEN run IS NULL THEN 'none' ELSE name END, IF(run > 0, price, 0), COALESCE(name, code, 'x'), NULLIF(run, 1) FROM Object
any: SELECT CAST(price AS SIGNED), CAST(run AS CHAR(3)), CONVERT(name USING latin1), name COLLATE utf8mb4_bin = 'vega' FROM Object
any: SELECT EXTRACT(YEAR FROM day), day + INTERVAL 1 DAY, DATE_ADD(at, INTERVAL 90 MINUTE), DATE_FORMAT(at, '%Y:%i'), TIMESTAMPDIFF(HOUR, at, '2026-02-01'), LAST_DAY(day) FROM Object
any: SELECT TRIM(name), TRIM(LEADING 'V' FROM name), SUBSTRING(name, 2, 2), SUBSTR(name FROM 2 FOR 1), POSITION('e' IN name), CONCAT(name, '-', code), CEIL(flux), FLOOR(flux), CHAR_LENGTH(name) FROM Object
any: SELECT 'it''s', "dou""ble", 'back\\slash', 'a' 'b', _utf8mb4'x', N'y', TRUE, FALSE, NULL, 1.50, 1e3, .5 FROM Object WHERE tiny = 1
any: SELECT objectId FROM Object WHERE name REGEXP '^v' OR name RLIKE 's$' OR (name NOT LIKE '%a%' AND code NOT IN ('a'))
any: SELECT objectId FROM Object WHERE NOT (run = 1) AND run BETWEEN -1 AND 4 AND flux NOT BETWEEN 0 AND 100 AND name IS NOT NULL AND (kind <=> 'agn' OR kind <> 'agn')
any: SELECT objectId FROM Object WHERE run = 1 || run = 2 && tiny = 1
any: SELECT objectId FROM Object WHERE run MOD 2 = 1
any: SELECT objectId, chunkId, subChunkId FROM Object WHERE chunkId > 0
any: SELECT objectId FROM Object WHERE mag = 0.1 OR mag < 0
any: SELECT objectId x FROM Object HAVING x > 390030275138100
any: SELECT SQL_NO_CACHE STRAIGHT_JOIN objectId FROM Object WHERE flags = 'odd' OR FIND_IN_SET('bright', flags)
any: SELECT kind + 0, flags + 0, kind, flags FROM Object WHERE kind > 1
any: SELECT objectId, IF(run > 0, mag, mag), COALESCE(mag, 0), GREATEST(mag, 1) FROM Object
any: SELECT DATABASE(), objectId FROM Object WHERE tiny = 2
any: SELECT objectId, BINARY name = 'vega', BINARY code, run > 1 XOR tiny = 2, tiny ^ 5 * 2, run & tiny ^ 2, name SOUNDS LIKE 'sirius', INTERVAL(run, 0, 2, 4) FROM Object
any: SELECT objectId FROM Object WHERE (run, tiny) IN ((1, 2), (2, 3), (NULL, 1)) OR ROW(run, name) = ROW(3, 'vega') OR (run, tiny) > (4, 1)
any: SELECT at + INTERVAL '1:30' MINUTE_SECOND, INTERVAL 1 DAY + day, EXTRACT(YEAR_MONTH FROM day), day - INTERVAL '1 2' DAY_HOUR FROM Object
any: SELECT COUNT(*) FROM Object WHERE tiny >> 1 & 1
any: SELECT COUNT(*) FROM Object WHERE tiny & 1 << 1
any: SELECT COUNT(*) FROM Object WHERE name LIKE 'v%' = 0
any: SELECT COUNT(*) FROM Object WHERE name REGEXP '^v' <> 1
any: SELECT COUNT(*) FROM Object WHERE 0 = run BETWEEN 1 AND 9
any: SELECT COUNT(*) FROM Object WHERE 0 = run IN (0, 3)
any: SELECT COUNT(*) FROM Object WHERE 1 = name LIKE 'vega'
any: SELECT SUM(~tiny % 4), SUM(!tiny + 1), SUM(-tiny ^ 2), MIN(NOT tiny + 1) FROM Object
any: (SELECT objectId FROM Object WHERE tiny = 3)
-- LIMIT
count: SELECT objectId FROM Object LIMIT 7
count: SELECT objectId FROM Object LIMIT 5, 7
count: SELECT objectId FROM Object LIMIT 1000 OFFSET 200
count: SELECT objectId FROM Object LIMIT 0
-- Keys and regions
any: SELECT * FROM Object WHERE objectId = 390030275138005
any: SELECT objectId, name FROM Object WHERE objectId IN (390030275138005, 390030275138077, 12)
any: SELECT objectId FROM Object WHERE objectId = 390030275138005 OR objectId = 390030275138100
any: SELECT objectId FROM Object WHERE objectId = 390030275138005 AND objectId = 390030275138006
any: SELECT objectId FROM Object WHERE objectId BETWEEN 390030275138005 AND 390030275138050
any: SELECT * FROM Source WHERE objectId = 390030275138005
any: SELECT objectId FROM Object WHERE 1 = 0
any: SELECT COUNT(*), SUM(run), MIN(name) FROM Object WHERE 1 = 0
any: SELECT run, COUNT(*) FROM Object WHERE objectId = 1 GROUP BY run
any: SELECT objectId FROM Object WHERE qserv_areaspec_box(5, -5, 15, 5) AND mag < 20 ### SELECT objectId FROM Object WHERE ra BETWEEN 5 AND 15 AND decl BETWEEN -5 AND 5 AND mag < 20
any: SELECT objectId FROM Object WHERE qserv_areaspec_circle(20, 0, 4) = 1 AND run > 0 ### SELECT objectId FROM Object WHERE scisql_s2PtInCircle(ra, decl, 20, 0, 4) = 1 AND run > 0
any: SELECT COUNT(*) FROM Object o, Source s WHERE qserv_areaspec_box(5, -5, 15, 5) AND o.objectId = s.objectId ### SELECT COUNT(*) FROM Object o, Source s WHERE o.ra BETWEEN 5 AND 15 AND o.decl BETWEEN -5 AND 5 AND o.objectId = s.objectId
any: SELECT sourceId FROM Source WHERE qserv_areaspec_box(5, -5, 15, 5) ### SELECT sourceId FROM Source WHERE ra BETWEEN 5 AND 15 AND decl BETWEEN -5 AND 5
any: SELECT objectId FROM Object WHERE scisql_s2PtInBox(ra, decl, 5, -5, 15, 5) = 1
any: SELECT objectId FROM Object WHERE scisql_s2PtInBox(ra, decl, 5, -5, 15, 5) = 0
any: SELECT objectId FROM Object WHERE scisql_s2PtInBox(decl, ra, 5, -5, 15, 5) = 1
any: SELECT objectId FROM Object WHERE ra > 10 AND ra <= 20 AND decl BETWEEN -10 AND 0
any: SELECT objectId FROM Object WHERE (ra BETWEEN 3 AND 4 AND decl < 0) OR (ra BETWEEN 30 AND 31) OR 40 < ra
any: SELECT objectId FROM Object WHERE NOT (ra BETWEEN 3 AND 40)
any: SELECT objectId FROM Object WHERE ra BETWEEN 20 AND 10
any: SELECT objectId FROM Object WHERE objectId IN (390030275138005, 390030275138006.0, '390030275138007', NULL, 3.90030275138008e14, 390030275138009.5)
any: SELECT objectId FROM Object WHERE objectId = '390030275138005' OR objectId = -0 OR objectId = 390030275138006e0
any: SELECT objectId FROM Object WHERE objectId = NULL OR objectId = 390030275138005.5
-- Aggregates
any: SELECT COUNT(*) FROM Object
any: SELECT COUNT(*), COUNT(*) FROM Source
any~: SELECT COUNT(*), COUNT(mag), COUNT(DISTINCT run), MIN(mag), MAX(mag), SUM(mag), AVG(mag) FROM Object
any~: SELECT SUM(price), AVG(price), MIN(price), MAX(price), SUM(run), AVG(run), AVG(tiny), SUM(fixed), AVG(fixed) FROM Object
any~: SELECT 2 * SUM(run), COUNT(*) * 2, ROUND(AVG(flux), 3), (SUM(run) + 1), ROUND(AVG(price), 2), AVG(price) * 3, AVG(run) / 7, SUM(run) / COUNT(run) FROM Object
any: SELECT MIN(name), MAX(code), MIN(kind), MAX(flags), MIN(day), MAX(at), MIN(seen), MAX(seen), MIN(bits), MAX(born), MIN(padded) FROM Object
any: SELECT BIT_AND(tiny), BIT_OR(run), BIT_XOR(objectId) FROM Object
any~: SELECT SUM(flux), AVG(flux), MIN(flux), MAX(flux), SUM(flux * 2 - 1) FROM Object WHERE flux > 0
any: SELECT SUM(run > 2), SUM(IF(kind = 'star', 1, 0)), AVG(name IS NULL), COUNT(NULLIF(run, 1)) FROM Object
any: SELECT COUNT(DISTINCT name), COUNT(DISTINCT code), COUNT(DISTINCT mag), COUNT(DISTINCT run, tiny), SUM(DISTINCT run), AVG(DISTINCT run), COUNT(*), SUM(price) FROM Object
any: SELECT MAX(day) - INTERVAL 1 DAY, DATEDIFF(MAX(day), MIN(day)), UNIX_TIMESTAMP(MAX(seen)) FROM Object
any: SELECT 1 + COUNT(*) FROM Object HAVING COUNT(*) > 10
any: SELECT 1 + COUNT(*) FROM Object HAVING COUNT(*) > 1000
any: SELECT MIN(bits), MAX(bits), SUM(bits), AVG(bits), SUM(born), AVG(born), COUNT(bits) FROM Object
any: SELECT SUM(price * run), AVG(price * price), SUM(price) / 3, MIN(price - 1), AVG(-run), SUM(run / 3), AVG(run / 3) FROM Object
any: SELECT SUM(run / 7), AVG(run / 7), SUM(run * 2 / 3 + 1), AVG(price / 9), SUM(-run / 11) FROM Object
any: SELECT tiny, SUM(run / 7), AVG(price / 9) FROM Object GROUP BY tiny
any: SELECT SUM(CAST(price AS DECIMAL(65,30))), AVG(CAST(price AS DECIMAL(65,30))), SUM(CAST(CONCAT(REPEAT('9', 64), run) AS DECIMAL(65,0))), AVG(CAST(price AS DECIMAL(54,3))) FROM Object
any: SELECT tiny, SUM(CAST(price AS DECIMAL(65,30))) + 1, AVG(CAST(price AS DECIMAL(65,3))), MAX(CAST(price AS DECIMAL(65,3))) FROM Object GROUP BY tiny HAVING SUM(CAST(price AS DECIMAL(65,30))) > 1
any: SELECT tiny, MAX(bits + 0), MIN(bits) + 1, MAX(bits) > 3 FROM Object GROUP BY tiny
fixed: SELECT tiny FROM Object GROUP BY tiny HAVING MAX(bits) > 1 ORDER BY MIN(bits), tiny
fixed: SELECT DISTINCT bits FROM Object ORDER BY bits
any: SELECT DISTINCT o.bits, s.quality FROM Object o JOIN Source s USING (objectId)
fixed: SELECT DISTINCT o.bits + 0, s.quality FROM Object o JOIN Source s USING (objectId) ORDER BY 1, 2
any: SELECT AVG(objectId), SUM(objectId), AVG(amount), SUM(amount * 3), ROUND(AVG(amount), 1), TRUNCATE(AVG(amount), 6) FROM Source
any: SELECT SUM(NULL), AVG(NULL), MIN(NULL), COUNT(NULL), SUM(1), AVG(2), COUNT(1) FROM Object WHERE run = 1
any: SELECT CONCAT('n=', COUNT(*)), IF(COUNT(*) > 5, 'many', 'few'), COUNT(*) BETWEEN 1 AND 500, MAX(name) LIKE 'z%', CASE WHEN MIN(run) < 0 THEN 'neg' ELSE 'pos' END FROM Object
any: SELECT MIN(IF(kind = 'star', flux, NULL)), MAX(CAST(mag AS DOUBLE)), SUM(IF(run > 0, tiny, 0)) FROM Object
-- Groups
any: SELECT run, COUNT(*) FROM Object GROUP BY run HAVING run IS NULL OR run > 2
any: SELECT run AS r, tiny AS t, COUNT(*) FROM Object GROUP BY r, t HAVING r > t
any: SELECT tiny, AVG(price), AVG(run), MIN(mag), MAX(mag), MIN(flux) FROM Object GROUP BY tiny
any: SELECT CASE WHEN run > 2 THEN 'hi' ELSE 'lo' END AS class, COUNT(*) FROM Object GROUP BY class
any: SELECT tiny DIV 2, tiny % 2, COUNT(*) FROM Object GROUP BY tiny DIV 2, tiny % 2
any: SELECT kind = 'star', COUNT(*) FROM Object GROUP BY kind = 'star'
any: SELECT 1 AS run, run FROM Object GROUP BY run
any: SELECT -run AS run, COUNT(*) FROM Object GROUP BY run
any: SELECT -run AS run, COUNT(*) FROM Object GROUP BY run % 2, run
any: SELECT run, COUNT(*) FROM Object GROUP BY TRUE
any: SELECT run, COUNT(*) FROM Object GROUP BY (+1)
fixed: SELECT objectId, run FROM Object ORDER BY TRUE LIMIT 5
fixed: SELECT run, objectId FROM Object ORDER BY ((2)) DESC, +1 LIMIT 5
any: SELECT day, at, COUNT(*) FROM Object GROUP BY day, at
any: SELECT note, COUNT(*) FROM Object GROUP BY note
any: SELECT fixed, COUNT(*) FROM Object GROUP BY fixed
any: SELECT objectId, name, mag, bits, kind, note, COUNT(*) FROM Object GROUP BY objectId
any: SELECT 'all' AS what, COUNT(*), MIN(run) FROM Object GROUP BY what
any: SELECT run, COUNT(*) FROM Object GROUP BY run
any: SELECT kind, flags, COUNT(*), AVG(price) FROM Object GROUP BY kind, flags
any: SELECT mag, COUNT(*), mag * 2 FROM Object GROUP BY mag
any: SELECT code, COUNT(*) n FROM Object GROUP BY code HAVING n > 5
any: SELECT seen, COUNT(*) FROM Object GROUP BY seen
any: SELECT COUNT(*) FROM Object GROUP BY name
any: SELECT ROUND(flux / 100000) bin, COUNT(*), MIN(mag) FROM Object GROUP BY bin
any: SELECT tiny + 1, SUM(price) FROM Object GROUP BY tiny + 1
any: SELECT YEAR(day), MONTH(day), COUNT(*) FROM Object GROUP BY 1, 2
any: SELECT tiny, COUNT(DISTINCT run), SUM(run), COUNT(DISTINCT code) FROM Object GROUP BY tiny
any: SELECT bits, born, COUNT(*) FROM Object GROUP BY bits, born
any: SELECT padded, MAX(objectId) FROM Object GROUP BY padded
any~: SELECT tiny, COUNT(*), SUM(run), MIN(run), MAX(objectId), SUM(price), AVG(flux), SUM(flux), MIN(flux), MAX(flux) FROM Object GROUP BY tiny
any: SELECT UPPER(LEFT(name, 1)) AS initial, COUNT(*) FROM Object WHERE name <> '' GROUP BY initial HAVING COUNT(*) > 3 AND MIN(run) < 5
fixed: SELECT run, COUNT(*) FROM Object GROUP BY run ORDER BY run
fixed: SELECT kind, COUNT(*) FROM Object GROUP BY kind ORDER BY kind
fixed: SELECT run, SUM(price) AS total FROM Object GROUP BY run ORDER BY total DESC LIMIT 3
fixed: SELECT run, tiny, COUNT(*) c FROM Object GROUP BY run, tiny HAVING c > 2 ORDER BY c DESC, run, tiny LIMIT 2, 5
fixed: SELECT run FROM Object GROUP BY run ORDER BY MAX(objectId)
fixed: SELECT mag, COUNT(*) FROM Object GROUP BY mag ORDER BY mag DESC
fixed: SELECT DISTINCT COUNT(*) FROM Object GROUP BY run, tiny ORDER BY 1
-- Order
fixed: SELECT objectId, mag FROM Object ORDER BY mag, objectId
fixed: SELECT objectId, mag FROM Object ORDER BY mag DESC, objectId LIMIT 5
fixed: SELECT objectId FROM Object ORDER BY flux, objectId LIMIT 10, 5
fixed: SELECT objectId, kind, flags FROM Object ORDER BY kind, flags DESC, objectId LIMIT 30
fixed: SELECT objectId, name FROM Object WHERE name <> 'x' ORDER BY name COLLATE utf8mb4_bin, objectId
fixed: SELECT objectId o, ra r FROM Object ORDER BY r * -1, o LIMIT 20
fixed: SELECT objectId, seen FROM Object ORDER BY seen, objectId
fixed: SELECT * FROM Object ORDER BY objectId
fixed: SELECT name, price FROM Object ORDER BY 2 DESC, objectId LIMIT 12
fixed: SELECT objectId, bits, padded, fixed, note FROM Object ORDER BY run IS NULL, run, objectId DESC
-- Distinct
any: SELECT DISTINCT run FROM Object
any: SELECT DISTINCT kind, flags FROM Object
any: SELECT DISTINCT mag FROM Object
any: SELECT DISTINCT seen FROM Object
fixed: SELECT DISTINCT run, tiny FROM Object ORDER BY run DESC, tiny LIMIT 5
count: SELECT DISTINCT run FROM Object LIMIT 3
-- Joins
any: SELECT o.objectId, s.sourceId, s.psfFlux FROM Object o JOIN Source s ON o.objectId = s.objectId WHERE o.run > 2
any: SELECT * FROM Object o INNER JOIN Source s USING (objectId) WHERE o.tiny = 1
any~: SELECT o.objectId, COUNT(*), AVG(s.psfFlux) FROM Object o, Source s WHERE o.objectId = s.objectId GROUP BY o.objectId
any: SELECT o.objectId, o.name, o.mag, COUNT(*) FROM Object o JOIN Source s ON s.objectId = o.objectId GROUP BY s.objectId
any~: SELECT f.filterName, COUNT(*), MIN(s.psfMag) FROM Source s JOIN Filter f ON s.filterId = f.filterId GROUP BY f.filterName
any: SELECT f.filterId, f.filterName, f.lambda, SUM(s.amount) FROM Filter f, Source s WHERE s.filterId = f.filterId GROUP BY f.filterId
any: SELECT o.objectId, s.sourceId, f.filterName FROM Object o JOIN Source s USING (objectId) JOIN Filter f USING (filterId) WHERE s.quality = 'good'
any: SELECT s1.sourceId, s2.sourceId FROM Source s1, Source s2 WHERE s1.objectId = s2.objectId AND s1.sourceId < s2.sourceId
any: SELECT o.objectId, s.sourceId, s.quality, s.psfMag FROM Object o LEFT JOIN Source s ON o.objectId = s.objectId
any: SELECT o.objectId, s.sourceId FROM Object o LEFT JOIN Source s ON o.objectId = s.objectId AND s.psfFlux > 5000 WHERE o.run = 1
any: SELECT o.objectId FROM Object o LEFT JOIN Source s ON o.objectId = s.objectId WHERE s.sourceId IS NULL
any: SELECT o.objectId, COUNT(s.sourceId), IFNULL(SUM(s.amount), 0), IFNULL(MAX(s.mjd), -1) FROM Object o LEFT JOIN Source s ON o.objectId = s.objectId GROUP BY o.objectId
any: SELECT s.sourceId, f.filterName FROM Source s LEFT JOIN Filter f ON s.filterId = f.filterId
any: SELECT s.sourceId, IFNULL(f.filterName, 'none'), IFNULL(f.lambda, 0) FROM Source s LEFT JOIN Filter f ON s.filterId = f.filterId AND f.filterName <> 'u'
any: SELECT o.objectId, s.sourceId, f.filterName FROM Object o LEFT JOIN Source s ON o.objectId = s.objectId LEFT JOIN Filter f ON f.filterId = s.filterId WHERE o.tiny = 2
any: SELECT o.objectId, s.sourceId FROM Object o, Source s WHERE o.objectId = 390030275138005 AND s.objectId = 390030275138005
any: SELECT s.sourceId FROM Object o JOIN Source s ON o.objectId = s.objectId AND s.objectId = 390030275138007
any: SELECT o.objectId, f.filterName FROM Object o CROSS JOIN Filter f WHERE o.run = 2
fixed: SELECT o.objectId, s.sourceId, o.mag FROM Object o JOIN Source s ON o.objectId = s.objectId ORDER BY o.mag DESC, s.sourceId LIMIT 9
any: SELECT COUNT(DISTINCT o.objectId), COUNT(*) FROM Object o JOIN Source s ON o.objectId = s.objectId WHERE s.psfMag > 17.2
any: SELECT a.objectId, b.name FROM Object a STRAIGHT_JOIN Object b ON a.objectId = b.objectId
-- Whole statements on reference tables
any: SELECT * FROM Filter
fixed: SELECT filterName, COUNT(*) OVER () FROM Filter f WHERE f.lambda > (SELECT AVG(lambda) FROM sky.Filter) ORDER BY 1
any: SELECT COUNT(*) FROM Filter
any: WITH big AS (SELECT * FROM Filter WHERE filterId > 2) SELECT b.filterName, sky.Filter.lambda FROM big b JOIN sky.Filter ON sky.Filter.filterId = b.filterId
any: SELECT filterName FROM Filter UNION SELECT 'w'
-- No table
any: SELECT 1 + 1, 'a'
any: SELECT (SELECT 5) UNION SELECT 6
-- Shape is not meaning: a quotient of two aggregates is no AVG
any: SELECT MIN(flux) / MAX(tiny), MAX(ra) / MIN(tiny), MAX(flux) / MAX(run), MIN(ra) / COUNT(*) FROM Object
any~: SELECT SUM(flux) / SUM(-tiny), SUM(flux) / SUM(tiny), SUM(ra) / COUNT(ra), SUM(flux) / SUM(run) FROM Object
any~: SELECT run, MAX(flux) / MIN(tiny), SUM(flux) / SUM(tiny) FROM Object GROUP BY run
any~: SELECT SUM(flux) / SUM(tiny), SUM(mag) / SUM(run) FROM Object WHERE objectId <= 390030275138040
-- Values travel, not the digits that are shown
any: SELECT MAX(run / 7) * 7, MIN(price / 7) * 7, ROUND(MAX(tiny / 7), 8), TRUNCATE(MIN(price / 7), 8) FROM Object
any: SELECT ROUND(MAX(run / 7), 8), TRUNCATE(MIN(run / 7), 6), MAX(run / 7) FROM Object
any: SELECT MIN(run / 70000) > 0, MIN(tiny / 70000) = 0, MAX(run / 70000) BETWEEN 0.00001 AND 1, CONCAT(MAX(run / 70000)) FROM Object
any: SELECT (run / 7) * 7 AS x, COUNT(*) FROM Object GROUP BY run / 7
any: SELECT run / 7 AS k, CONCAT(run / 7), COUNT(*) FROM Object GROUP BY run / 7
any: SELECT run / 70000 AS k, COUNT(*), MAX(run), MIN(run) FROM Object GROUP BY run / 70000
any: SELECT FLOOR(flux / 1e5) / 7 AS k, (FLOOR(flux / 1e5) / 7) * 7 AS b, COUNT(*) FROM Object GROUP BY FLOOR(flux / 1e5) / 7
any: SELECT FLOOR(flux / 1e5) / 70000 AS k, COUNT(*) FROM Object GROUP BY FLOOR(flux / 1e5) / 70000
any: SELECT ROUND(flux, 1) AS k, CONCAT('f', ROUND(flux, 1)), ROUND(flux, 1) > 0, COUNT(*) FROM Object GROUP BY ROUND(flux, 1)
any: SELECT CONCAT('bin ', FLOOR(ra)), FLOOR(ra) = 3, COUNT(*) FROM Object GROUP BY FLOOR(ra)
fixed: SELECT objectId FROM Object WHERE flux IS NOT NULL ORDER BY FLOOR(flux * 1000) / 7000000000, objectId LIMIT 25
fixed: SELECT objectId FROM Object ORDER BY run / 70000, objectId LIMIT 40
fixed: SELECT objectId FROM Object ORDER BY run / 70000 DESC, objectId
fixed: SELECT objectId FROM Object ORDER BY ROUND(ra, 1) / 70000, objectId LIMIT 50
fixed: SELECT objectId FROM Object ORDER BY CEIL(decl) / 1000000, objectId LIMIT 20
fixed: SELECT objectId, FLOOR(flux * 1e20), ROUND(flux * 1e20, 2) FROM Object ORDER BY objectId LIMIT 50
any: SELECT objectId, ROUND(flux * 1e20, 2), FLOOR(ra * 1e20), fixed * 1.1 FROM Object
any: SELECT MAX(FLOOR(POW(10, ra))), MAX(POW(10, ra)), MIN(ROUND(-POW(10, ra), 3)) FROM Object
any~: SELECT SUM(FLOOR(objectId * 1e15)) * 1.5e0, AVG(ROUND(flux * 1e15)), SUM(ROUND(ra, 2) * 1e12) FROM Object
any~: SELECT SUM(ROUND(flux, 1) * ROUND(ra, 1)), AVG(ROUND(flux, 1) * ROUND(ra, 1)) FROM Object
any~: SELECT AVG(CAST(price AS CHAR)), SUM(CAST(price AS CHAR)), SUM(CAST(ra AS BINARY)), SUM(DATE_FORMAT(day, '%d.%H')) FROM Object
any~: SELECT SUM(fixed * 1.1), AVG(fixed / 3), MAX(fixed / 3) * 3, SUM(fixed) * 3, AVG(fixed) FROM Object
any~: SELECT SUM(name), AVG(code), SUM(note) FROM Object
any: SELECT SUM(day), AVG(at), SUM(born), AVG(kind), SUM(flags), SUM(seen), SUM(bits), MAX(day) FROM Object
any: SELECT run, FLOOR(AVG(ra)) / 100000 AS x FROM Object GROUP BY run
fixed: SELECT tiny, FLOOR(AVG(ra)) / 100000 AS x FROM Object GROUP BY tiny ORDER BY x, tiny
any: SELECT DISTINCT run / 70000 FROM Object
any: SELECT DISTINCT FLOOR(flux / 1e5) / 70000, ROUND(ra) FROM Object
fixed: SELECT DISTINCT FLOOR(flux / 1e5) / 7 AS x FROM Object ORDER BY x
any: SELECT COUNT(DISTINCT run / 70000), COUNT(DISTINCT FLOOR(flux / 1e5) / 70000), SUM(DISTINCT run / 7), COUNT(DISTINCT ROUND(ra, 1)) FROM Object
any: SELECT tiny, SUM(run / 7) * 7, AVG(run / 7) * 7, SUM(price / 7 / 3), AVG(price / run) FROM Object GROUP BY tiny
any: SELECT tiny, MAX(price / 3) * 3, MIN(price / 9 / 7), SUM(IF(run > 0, run / 3, 0)), AVG(COALESCE(run / 3, price)) FROM Object GROUP BY tiny
any: SELECT tiny, COUNT(*) FROM Object GROUP BY tiny HAVING SUM(run / 7) > 1 AND MIN(run / 70000) <= 0 AND SUM(fixed) > 10
any~: SELECT SUM(PI() * tiny), AVG(PI()), SUM(ABS(ROUND(flux, 2))), SUM(-fixed), SUM(fixed % 3) FROM Object
-- Two calls of RAND() are two, and a literal is itself
any: SELECT SUM(RAND()) = SUM(RAND()), COUNT(RAND()) FROM Object
any: SELECT 2 AS d, ROUND(AVG(price), 2), TRUNCATE(MAX(price), 2), COUNT(*) FROM Object GROUP BY d
any: SELECT 'x' AS k, CONCAT('x', MAX(name)), COUNT(*) FROM Object GROUP BY k
-- Positions and aliases
fixed: SELECT objectId FROM Object ORDER BY TRUE DESC LIMIT 5
fixed: SELECT objectId, run FROM Object ORDER BY (1) LIMIT 5
any: SELECT tiny, COUNT(*) FROM Object GROUP BY TRUE
any: SELECT 1 AS tiny, tiny FROM Object GROUP BY tiny
any: SELECT -tiny AS tiny, COUNT(*) FROM Object GROUP BY tiny
any: SELECT tiny + 1 AS tiny, COUNT(*) FROM Object GROUP BY tiny DIV 2, tiny
-- deviations: of the rows of several chunks, of one, of none, of equal values, of large ones with small differences
any~: SELECT STDDEV_SAMP(flux), STDDEV_SAMP(mag), STDDEV_SAMP(price), STDDEV_SAMP(run), STDDEV_SAMP(tiny), STDDEV_SAMP(fixed), COUNT(*) FROM Object
any~: SELECT kind, STDDEV_SAMP(flux), ROUND(STDDEV_SAMP(price), 3), COUNT(DISTINCT run) FROM Object GROUP BY kind
fixed~: SELECT run % 5 AS r, STDDEV_SAMP(flux) AS s FROM Object GROUP BY r HAVING s IS NULL OR s >= 0 ORDER BY STDDEV_SAMP(flux), r
any~: SELECT objectId, STDDEV_SAMP(psfFlux), STDDEV_SAMP(amount) FROM Source GROUP BY objectId
any: SELECT ROUND(STDDEV_SAMP(57000000 + tiny), 4), STDDEV_SAMP(1.1), STDDEV_SAMP(objectId DIV objectId * 0.1e0), STDDEV_SAMP(NULL) FROM Object
any: SELECT tiny, STDDEV_SAMP(tiny * 0.1e0) FROM Object GROUP BY tiny
any~: SELECT STDDEV_SAMP(name), STDDEV_SAMP(DAYOFMONTH(day)), STDDEV_SAMP(bits), STDDEV_SAMP(kind), STDDEV_SAMP(born) FROM Object
any: SELECT STDDEV_SAMP(flux), COUNT(*) FROM Object WHERE objectId < 0
any~: SELECT STDDEV_SAMP(price / 7), STDDEV_SAMP(ROUND(flux, 2)), STDDEV_SAMP(mag) * 2 + AVG(mag), CONCAT(STDDEV_SAMP(run)), STDDEV_SAMP(run) > 1 FROM Object
any~: SELECT o.kind, STDDEV_SAMP(o.flux - s.psfFlux), STDDEV_SAMP(s.amount) FROM Object o JOIN Source s ON o.objectId = s.objectId GROUP BY o.kind
any~: SELECT STD(flux), STDDEV(mag), STDDEV_POP(price), VARIANCE(run), VAR_POP(tiny), VAR_SAMP(fixed), VAR_SAMP(price), AVG(flux) FROM Object
any~: SELECT objectId, STD(psfFlux), VAR_SAMP(amount + 0e0), VARIANCE(amount * 1e0), STDDEV_POP(mjd) > 0 FROM Source GROUP BY objectId
fixed~: SELECT kind, VAR_SAMP(flux) AS v FROM Object GROUP BY kind HAVING STD(flux) > 0 ORDER BY v DESC, kind LIMIT 2
any: SELECT ROUND(STD(57000000 + tiny), 4), VARIANCE(1.1), VAR_POP(objectId DIV objectId * 0.1e0), VAR_SAMP(NULL), STD(NULL) FROM Object
any: SELECT STD(flux), VARIANCE(flux), VAR_SAMP(price), COUNT(*) FROM Object WHERE objectId < 0
any~: SELECT DISTINCT ROUND(STD(price), 2), ROUND(SQRT(VAR_POP(flux)) - STDDEV_POP(flux), 6) FROM Object GROUP BY kind
-- names that are a column and an alias: GROUP BY takes the column, HAVING what is grouped by, else the alias, ORDER BY the alias alone and the column in expressions
any: SELECT 1 AS run, run FROM Object GROUP BY run
any: SELECT -run AS run, COUNT(*) FROM Object GROUP BY run
fixed: SELECT -run AS run, COUNT(*) FROM Object GROUP BY (run) HAVING run > 2 ORDER BY run
fixed: SELECT -run AS run, COUNT(*) FROM Object GROUP BY run ORDER BY run + 0
fixed: SELECT tiny AS run, run AS tiny FROM Object WHERE run IS NOT NULL GROUP BY run, tiny HAVING run > 2 ORDER BY tiny, run
any: SELECT objectId, -(tiny * 1) AS tiny FROM Object HAVING tiny < 0
any: SELECT -run AS run, COUNT(*), SUM(run) FROM Object GROUP BY run HAVING SUM(run) > 5
fixed: SELECT objectId AS tiny, -objectId AS objectId FROM Object ORDER BY objectId LIMIT 9
fixed: SELECT objectId AS tiny, -objectId AS objectId FROM Object ORDER BY objectId + 0 LIMIT 9
any: SELECT MAX(tiny) AS run, run AS tiny FROM Object GROUP BY run
any: SELECT SUM(tiny) AS tiny, run FROM Object GROUP BY run HAVING tiny > 5
any: SELECT 1 AS z, 2 AS z, COUNT(*) FROM Object GROUP BY z
any: SELECT o.tiny AS objectId, COUNT(*) FROM Object o JOIN Source s ON o.objectId = s.objectId GROUP BY objectId
fixed: SELECT 2 AS two, -tiny AS t, COUNT(*) FROM Object GROUP BY tiny ORDER BY two, t DESC
fixed: SELECT run AS tiny, MAX(tiny) AS tiny FROM Object GROUP BY run HAVING tiny + 0 > 1 ORDER BY run + 0
any: SELECT objectId, ROUND(-TRUE, 1) FROM Object
-- MIN and MAX of ENUM and SET as numbers, without groups, and as what they are in groups; other aggregates
any: SELECT MAX(kind) * 2 + 1, MIN(kind) + 0, MAX(flags) * 2 + 1, MAX(kind) | 0, MAX(kind) > 0, IF(MIN(flags), 1, 2) FROM Object
any: SELECT MAX(kind) * 2 + 1, MIN(flags) + 0 FROM Object WHERE objectId IN (1, 2, 7)
any: SELECT MAX(kind) * 2 + 1, MIN(flags) + 0, COUNT(DISTINCT run) FROM Object
fixed: SELECT run, MAX(kind), MIN(kind), MAX(flags), MIN(flags) FROM Object GROUP BY run ORDER BY MAX(kind), MIN(flags), run
any: SELECT SUM(kind), AVG(kind), BIT_OR(kind), BIT_AND(flags), COUNT(DISTINCT kind), SUM(DISTINCT kind), SUM(flags), AVG(flags) FROM Object
any: SELECT run, SUM(kind), AVG(kind), BIT_OR(kind), BIT_AND(flags), COUNT(DISTINCT kind), SUM(DISTINCT kind), SUM(flags) FROM Object GROUP BY run
-- Subqueries tied by the key
any: SELECT objectId FROM Object WHERE objectId IN (SELECT objectId FROM Source)
any: SELECT objectId FROM Object WHERE objectId NOT IN (SELECT objectId FROM Source)
any: SELECT objectId, mag FROM Object o WHERE EXISTS (SELECT 1 FROM Source s WHERE s.objectId = o.objectId AND s.psfMag > o.mag)
any: SELECT COUNT(*) FROM Object o WHERE NOT EXISTS (SELECT * FROM Source s WHERE s.objectId = o.objectId)
any: SELECT COUNT(*), SUM(tiny) FROM Object WHERE objectId IN (SELECT objectId FROM Object WHERE run > 1)
any: SELECT objectId FROM Object WHERE NOT (objectId IN (SELECT Object.objectId FROM Object WHERE run > 1 AND mag IS NOT NULL)) AND tiny > 0
any: SELECT objectId FROM Object WHERE objectId IN (SELECT objectId FROM Source GROUP BY objectId HAVING COUNT(*) > 1)
any: SELECT objectId FROM Object WHERE objectId NOT IN (SELECT DISTINCT s.objectId FROM Source s JOIN Filter f ON f.filterId = s.filterId WHERE f.filterName <> 'g')
any: SELECT o.objectId FROM Object o WHERE o.tiny IN (SELECT s.filterId FROM Source s WHERE s.objectId = o.objectId)
any: SELECT o.objectId FROM Object o WHERE o.run NOT IN (SELECT s.psfFlux FROM Source s WHERE s.objectId = o.objectId)
any: SELECT o.objectId FROM Object o WHERE o.flux > (SELECT AVG(s.amount) FROM Source s WHERE s.objectId = o.objectId)
any: SELECT o.objectId FROM Object o WHERE 1 < (SELECT COUNT(*) FROM Source WHERE objectId = o.objectId AND psfFlux < flux)
any: SELECT o.kind, COUNT(*) FROM Object o WHERE EXISTS (SELECT s.filterId FROM Source s WHERE s.objectId = o.objectId GROUP BY s.filterId HAVING COUNT(*) > 0) GROUP BY o.kind
fixed: SELECT s.sourceId, s.objectId FROM Source s WHERE s.objectId IN (SELECT o.objectId FROM Object o WHERE o.run IN (1, 2, 3)) ORDER BY s.sourceId LIMIT 4
any: SELECT o.objectId, s.sourceId FROM Object o JOIN Source s ON s.objectId = o.objectId WHERE NOT EXISTS (SELECT 1 FROM Source t WHERE t.objectId = s.objectId AND t.sourceId > s.sourceId)
any: SELECT o.objectId, s.sourceId FROM Object o LEFT JOIN Source s ON s.objectId = o.objectId WHERE o.objectId IN (SELECT objectId FROM Source WHERE filterId < 3)
any: SELECT objectId FROM Object WHERE tiny IN (SELECT filterId FROM Filter WHERE filterName <> 'u') AND objectId IN (SELECT objectId FROM Source) AND EXISTS (SELECT 1 FROM Filter)
any: SELECT objectId FROM Object WHERE tiny NOT IN (SELECT filterId FROM Filter WHERE filterName > 'm') AND flux > (SELECT MIN(filterId) FROM Filter)
any: SELECT objectId FROM Object WHERE objectId IN (1, 2, 3, 7) AND objectId IN (SELECT objectId FROM Source)
any: SELECT COUNT(*) FROM Object o WHERE EXISTS (SELECT 1 FROM Object p, Source s WHERE p.objectId = s.objectId AND p.objectId = o.objectId AND s.filterId = p.tiny)
-- Queries in FROM of which each chunk computes its own part
any: SELECT MAX(n), COUNT(*), AVG(n), SUM(n), COUNT(DISTINCT m), MIN(a) FROM (SELECT objectId, COUNT(*) AS n, MAX(filterId) AS m, AVG(amount) AS a FROM Source GROUP BY objectId) d
any: SELECT COUNT(*) FROM (SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId) d WHERE n > 2
any: SELECT * FROM (SELECT objectId, COUNT(*), AVG(filterId), SUM(amount) / COUNT(*) FROM Source GROUP BY objectId) d
any: SELECT n, COUNT(*), MIN(objectId), SUM(n), AVG(n) FROM (SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId) d GROUP BY n
fixed: SELECT objectId, n FROM (SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId ORDER BY n) d ORDER BY n DESC, objectId LIMIT 7
any: SELECT objectId, SUM(n) FROM (SELECT objectId, filterId, COUNT(*) AS n FROM Source GROUP BY objectId, filterId) AS d GROUP BY objectId HAVING SUM(n) > 1
any: SELECT filterId, COUNT(*) FROM (SELECT filterId, COUNT(*) AS n FROM Source s GROUP BY s.objectId, filterId HAVING n > 0) d GROUP BY filterId
any: SELECT a, COUNT(*) FROM (SELECT objectId, AVG(filterId) AS a FROM Source GROUP BY objectId) d WHERE a > 1.6666 GROUP BY a
any: SELECT o.objectId, o.kind, d.n FROM Object o JOIN (SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId) d ON o.objectId = d.objectId WHERE d.n > 1
any: SELECT o.kind, MAX(n), COUNT(*) FROM Object o JOIN (SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId) d USING (objectId) GROUP BY o.kind
any: SELECT * FROM (SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId) d JOIN Source s USING (objectId) WHERE s.filterId < d.n
any: SELECT o.objectId, d.n, d.m FROM Object o LEFT JOIN (SELECT objectId, COUNT(*) AS n, MIN(amount) AS m FROM Source GROUP BY objectId HAVING COUNT(*) > 2) d ON d.objectId = o.objectId
any: SELECT COUNT(*), COUNT(d.n), MAX(d.n) FROM Object o LEFT JOIN (SELECT objectId, COUNT(*) AS n FROM Source WHERE objectId IN (1, 3, 7) GROUP BY objectId) d ON d.objectId = o.objectId WHERE o.run > 0
any: SELECT d.objectId, s.sourceId FROM (SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId) d LEFT JOIN Source s ON s.objectId = d.objectId AND s.filterId = d.n
any: WITH d AS (SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId) SELECT COUNT(*), MAX(n) FROM d WHERE objectId > 5
any: WITH d AS (SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId) SELECT a.objectId, b.n FROM d AS a JOIN d b ON a.objectId = b.objectId WHERE a.n < b.n + 1
any: SELECT COUNT(*), COUNT(DISTINCT filterId) FROM (SELECT DISTINCT objectId, filterId FROM Source) d
any: SELECT run, SUM(n), COUNT(*) FROM (SELECT o.objectId, o.run, COUNT(s.sourceId) AS n FROM Object o LEFT JOIN Source s ON s.objectId = o.objectId GROUP BY o.objectId, o.run) d GROUP BY run
any: SELECT filterName, MAX(n) FROM (SELECT s.objectId, f.filterName, COUNT(*) AS n FROM Source s JOIN Filter f ON f.filterId = s.filterId WHERE s.psfFlux > 0 GROUP BY s.objectId, f.filterName) d GROUP BY filterName
any: SELECT objectId, n FROM (SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId) d WHERE objectId IN (1, 2, 3, 7)
any: SELECT objectId, n FROM (SELECT objectId, COUNT(*) AS n FROM Source WHERE objectId IN (2, 3, 4, 7) GROUP BY objectId) d WHERE objectId IN (1, 2, 3, 7)
any: SELECT objectId, n FROM (SELECT objectId, COUNT(*) AS n FROM Source WHERE objectId IN (2, 4) GROUP BY objectId) d WHERE objectId IN (1, 3)
any: SELECT COUNT(*), MAX(d.n) FROM Object o JOIN (SELECT objectId, COUNT(*) AS n FROM Source WHERE objectId IN (2, 3, 4, 7) GROUP BY objectId) d ON d.objectId = o.objectId WHERE o.objectId IN (3, 4, 5)
any: SELECT COUNT(*) FROM (SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId) d WHERE EXISTS (SELECT 1 FROM Object o WHERE o.objectId = d.objectId AND o.tiny > d.n)
any: SELECT d.objectId FROM (SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId) d WHERE d.objectId NOT IN (SELECT objectId FROM Object WHERE run > 1)
any: SELECT COUNT(*), MAX(n) FROM (SELECT objectId, COUNT(*) AS n FROM Source WHERE objectId IN (SELECT objectId FROM Object WHERE run > 1) GROUP BY objectId) d
any: SELECT a.objectId, a.n, b.m FROM (SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId) a JOIN (SELECT objectId, MAX(run) AS m FROM Object GROUP BY objectId) b ON a.objectId = b.objectId WHERE b.m IS NOT NULL
any: SELECT name, day, at, price, code, tiny, COUNT(*) FROM (SELECT objectId, MIN(name) AS name, MAX(day) AS day, MAX(at) AS at, MIN(price) AS price, code, tiny FROM Object GROUP BY objectId, code, tiny) d GROUP BY name, day, at, price, code, tiny
any: SELECT mag, seen, flux, COUNT(*) FROM (SELECT DISTINCT objectId, mag, seen, flux FROM Object) d GROUP BY mag, seen, flux
any: SELECT COUNT(*), MAX(n) FROM (SELECT objectId, COUNT(*) AS n FROM Object WHERE qserv_areaspec_box(0, -20, 20, 20) GROUP BY objectId) d ### SELECT COUNT(*), MAX(n) FROM (SELECT objectId, COUNT(*) AS n FROM Object WHERE scisql_s2PtInBox(ra, decl, 0, -20, 20, 20) = 1 GROUP BY objectId) d
any: SELECT COUNT(*), SUM(d.n) FROM Object o JOIN (SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId) d ON o.objectId = d.objectId WHERE qserv_areaspec_box(0, -20, 20, 20) ### SELECT COUNT(*), SUM(d.n) FROM Object o JOIN (SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId) d ON o.objectId = d.objectId WHERE scisql_s2PtInBox(o.ra, o.decl, 0, -20, 20, 20) = 1
-- Lists of groups that are whole in a chunk
any: SELECT objectId, GROUP_CONCAT(run ORDER BY run), GROUP_CONCAT(DISTINCT kind ORDER BY kind DESC SEPARATOR ' | '), JSON_ARRAYAGG(tiny), JSON_OBJECTAGG(code, price) FROM Object GROUP BY objectId
any: SELECT objectId, GROUP_CONCAT(run, ':', name SEPARATOR ''), COUNT(*) FROM Object WHERE objectId IN (1, 2, 3, 7) GROUP BY objectId HAVING GROUP_CONCAT(run) IS NOT NULL
any: SELECT objectId, run, GROUP_CONCAT(DISTINCT mag ORDER BY mag, tiny DESC) FROM Object GROUP BY objectId, run
-- The first rows of several statements together
fixed: SELECT objectId, mag FROM Object ORDER BY mag DESC, objectId LIMIT 3, 9
fixed: SELECT objectId FROM Object ORDER BY day DESC, price / 7, objectId LIMIT 11
fixed: SELECT objectId FROM Object ORDER BY seen, at DESC, objectId LIMIT 8
fixed: SELECT objectId, kind FROM Object ORDER BY kind DESC, flags, objectId LIMIT 8
count: SELECT objectId FROM Object LIMIT 2, 17
