-- Deaths with any opioid beside prescriptions dispensed: for the years that both tables have, every state of either.
WITH years AS (
  SELECT year FROM cdc_opioid_deaths_state WHERE drug = 'any_opioid'
  INTERSECT
  SELECT year FROM cdc_opioid_dispensing_state
),
died AS (
  SELECT state_fips, state, year, deaths, deaths_low, deaths_high, deaths_status, population,
         age_adjusted_rate_per_100k, age_adjusted_rate_per_100k_status
  FROM cdc_opioid_deaths_state
  WHERE drug = 'any_opioid' AND year IN (SELECT year FROM years)
),
dispensed AS (
  SELECT state_fips, state, year, prescriptions_per_100, prescriptions_per_100_status, source_grade
  FROM cdc_opioid_dispensing_state
  WHERE year IN (SELECT year FROM years)
)
SELECT COALESCE(died.state_fips, dispensed.state_fips) AS state_fips,
       COALESCE(died.state, dispensed.state) AS state,
       COALESCE(died.year, dispensed.year) AS year,
       died.deaths,
       died.deaths_low,
       died.deaths_high,
       COALESCE(died.deaths_status, 'missing') AS deaths_status,
       died.population,
       died.age_adjusted_rate_per_100k,
       COALESCE(died.age_adjusted_rate_per_100k_status, 'missing') AS age_adjusted_rate_per_100k_status,
       dispensed.prescriptions_per_100,
       COALESCE(dispensed.prescriptions_per_100_status, 'missing') AS prescriptions_per_100_status,
       dispensed.source_grade
FROM died
FULL JOIN dispensed ON dispensed.state_fips = died.state_fips AND dispensed.year = died.year
