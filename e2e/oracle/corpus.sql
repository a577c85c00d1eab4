-- Errors are MariaDB's own
any: SELECT nope FROM Object
any: SELECT * FROM Nope
any: SELECT * FROM nodb.Object
any: SELECT objectId FROM Object, Source WHERE Object.objectId = Source.objectId
any: SELECT FROM Object
any: SELECT COUNT(* FROM Object
any: SELECT f(1) FROM Object
any: SELECT MAX(COUNT(*)) FROM Object
-- What the shadow server answers
any: SHOW TABLES
any: SHOW COLUMNS FROM Object
any: SHOW FULL COLUMNS FROM Source
any: DESCRIBE Object
any: SHOW DATABASES LIKE 'sky'
any: SHOW CREATE TABLE Filter
fixed: SELECT table_name, column_name, column_type FROM information_schema.columns WHERE table_schema = 'sky' ORDER BY table_name, ordinal_position
any: SELECT 1, 'ä', NULL, 1.5, 1e0, CURRENT_DATE(), DATABASE()
-- Sky
fixed: SELECT objectId, scisql_angSep(ra, decl, 20, 0) FROM Object WHERE scisql_s2PtInCircle(ra, decl, 20, 0, 3) = 1 ORDER BY objectId
any: SELECT COUNT(*) FROM Object WHERE qserv_areaspec_circle(0.5, 0.5, 1) = 1 ### SELECT COUNT(*) FROM Object WHERE scisql_s2PtInCircle(ra, decl, 0.5, 0.5, 1) = 1
any: SELECT COUNT(*) FROM Object WHERE ra BETWEEN 359 AND 360
any: SELECT objectId, run FROM Object WHERE objectId IN (390030275138001, 390030275138002, 390030275138003, 7) AND run IS NOT NULL
any: SELECT sourceId, mjd FROM Source WHERE objectId = 390030275138010
any: SELECT * FROM Source WHERE objectId = 390030275138011 AND quality = 'good'
fixed: SELECT o.objectId, o.kind, s.sourceId, s.quality FROM Object o JOIN Source s USING (objectId) WHERE o.objectId IN (390030275138020, 390030275138021) ORDER BY o.objectId, s.sourceId
any: SELECT 1 AS tiny, tiny FROM Object GROUP BY tiny
any: SELECT -tiny AS tiny, COUNT(*) FROM Object GROUP BY tiny
fixed: SELECT DISTINCT run FROM Object ORDER BY run, 1 + 1
-- DISTINCT over one row, and over groups whose keys are selected
any~: SELECT DISTINCT VARIANCE(run % 1000), AVG(tiny / 7) * 70000 FROM Object
any~: SELECT DISTINCT run, STDDEV(tiny % 1000), MAX(tiny / 7) * 70000 FROM Object GROUP BY run
-- Quotients together with DISTINCT: where the parts group, and the statement does not
any: SELECT COUNT(DISTINCT filterId), SUM(amount / 7), AVG(amount / 7), MAX(amount / 7) * 70000 FROM Source
any: SELECT SUM(DISTINCT born), SUM(3 / run / 7), MIN(CEIL(flux * 1e20)) FROM Object
any: SELECT COUNT(DISTINCT s.filterId) = 1, SUM(o.tiny / o.bits) FROM Object o JOIN Source s ON o.objectId = s.objectId
-- Means of one of several numbers, some of them quotients
any: SELECT AVG(COALESCE(MOD(amount, 1.5), 0.5 / 7)), AVG(IF(filterId > 2, amount / 3, amount)) FROM Source WHERE quality = 'bad'
-- Texts longer than what is reserved for them
any: SELECT 2, CAST(-1e3 AS BINARY), CONCAT(FLOOR(psfFlux * 1e20), '-'), TIME_FORMAT(-filterId, '%T') FROM Source
any: SELECT objectId, IF(run > 0, name, flux * 1e20), FROM_UNIXTIME(fixed) FROM Object
-- Literals that are numbers and strings
any: SELECT run, (MAX(0x0A) + 0) / (MAX(TIME'12:30:00') + 0), HEX(MIN(0x0A)) FROM Object GROUP BY run
-- Texts that are longer than the column of the merge: tables are gathered then
fixed: SELECT objectId, CAST(-1e3 AS CHAR) FROM Object ORDER BY objectId
fixed: SELECT objectId, CAST(-1e3 AS CHAR) FROM Object ORDER BY objectId LIMIT 3, 4
any: SELECT MAX(CAST(-1e3 AS CHAR)), COUNT(*) FROM Object
