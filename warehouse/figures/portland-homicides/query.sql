-- Homicides in Portland, Oregon, by year. Why a year has none is found out from what is loaded: a year of which there is
-- no row at all is not loaded; a year with rows, but none for Portland, is one that the publisher left out.
WITH years AS (
  SELECT 2013 AS year UNION ALL SELECT 2014 UNION ALL SELECT 2015 UNION ALL SELECT 2016
),
tables AS (
  SELECT year,
         count(*) AS cities,
         sum(CASE WHEN state_fips = '41' AND city = 'Portland' THEN 1 ELSE 0 END) AS portland,
         max(CASE WHEN state_fips = '41' AND city = 'Portland' THEN murder END) AS homicides
  FROM fbi_city_offenses
  WHERE year BETWEEN 2013 AND 2016
  GROUP BY year
)
SELECT years.year,
       tables.homicides,
       CASE WHEN tables.cities IS NULL THEN 'not loaded'
            WHEN tables.portland = 0 THEN 'absent from the FBI''s table'
            WHEN tables.homicides IS NULL THEN 'not published'
            ELSE 'reported' END AS status
FROM years
LEFT JOIN tables ON tables.year = years.year
ORDER BY years.year NULLS LAST
