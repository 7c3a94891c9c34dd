-- Opioid prescriptions dispensed per 100 residents, 2006-2016: Alabama, the four states around it, and the nation.
WITH places AS (
  SELECT 1 AS place, '01' AS state_fips, 'Alabama' AS name
  UNION ALL SELECT 2, '47', 'Tennessee'
  UNION ALL SELECT 3, '28', 'Mississippi'
  UNION ALL SELECT 4, '13', 'Georgia'
  UNION ALL SELECT 5, '12', 'Florida'
),
years AS (
  SELECT DISTINCT year FROM cdc_opioid_dispensing_state WHERE year BETWEEN 2006 AND 2016
),
states AS (
  SELECT places.place, places.name, years.year, found.prescriptions_per_100,
         CASE WHEN found.year IS NULL THEN 'not loaded' ELSE found.prescriptions_per_100_status END AS status
  FROM places
  CROSS JOIN years
  LEFT JOIN cdc_opioid_dispensing_state AS found
    ON found.state_fips = places.state_fips AND found.year = years.year
),
nation AS (
  SELECT 6 AS place, 'United States' AS name, years.year, found.prescriptions_per_100,
         CASE WHEN found.year IS NULL THEN 'not loaded' ELSE found.prescriptions_per_100_status END AS status
  FROM years
  LEFT JOIN cdc_opioid_dispensing_us AS found ON found.year = years.year
)
SELECT name, year, prescriptions_per_100, status
FROM (SELECT * FROM states UNION ALL SELECT * FROM nation) AS everything
ORDER BY place NULLS LAST, year NULLS LAST
