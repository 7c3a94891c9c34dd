-- Deaths by opioid overdose in the United States, by year and class of drug. Each class has a line of its own, also
-- where it is not loaded, so that its absence is told.
WITH drugs AS (
  SELECT 1 AS place, 'any_opioid' AS drug, 'Any opioid' AS name
  UNION ALL SELECT 2, 'natural_semisynthetic', 'Natural and semisynthetic'
  UNION ALL SELECT 3, 'heroin', 'Heroin'
  UNION ALL SELECT 4, 'synthetic', 'Synthetic, without methadone'
  UNION ALL SELECT 5, 'methadone', 'Methadone'
),
years AS (
  SELECT DISTINCT year FROM cdc_opioid_deaths_us WHERE year BETWEEN 1999 AND 2016
)
SELECT drugs.name,
       years.year,
       found.deaths,
       CASE WHEN found.year IS NULL THEN 'not loaded' ELSE found.deaths_status END AS status
FROM drugs
CROSS JOIN years
LEFT JOIN cdc_opioid_deaths_us AS found ON found.drug = drugs.drug AND found.year = years.year
ORDER BY drugs.place NULLS LAST, years.year NULLS LAST
