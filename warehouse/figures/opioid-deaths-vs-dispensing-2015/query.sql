-- Opioid deaths against opioid prescriptions, 2015: one row for each state that either table has.
WITH deaths AS (
  SELECT state_fips, age_adjusted_rate_per_100k, age_adjusted_rate_per_100k_status
  FROM cdc_opioid_deaths_state
  WHERE year = 2015 AND drug = 'any_opioid'
),
dispensing AS (
  SELECT state_fips, prescriptions_per_100, prescriptions_per_100_status
  FROM cdc_opioid_dispensing_state
  WHERE year = 2015
)
SELECT states.usps,
       states.state,
       dispensing.prescriptions_per_100,
       deaths.age_adjusted_rate_per_100k,
       CASE WHEN deaths.state_fips IS NULL THEN 'no row of deaths'
            WHEN dispensing.state_fips IS NULL THEN 'no row of prescriptions'
            WHEN deaths.age_adjusted_rate_per_100k IS NULL THEN deaths.age_adjusted_rate_per_100k_status
            ELSE dispensing.prescriptions_per_100_status END AS status
FROM deaths
FULL JOIN dispensing ON dispensing.state_fips = deaths.state_fips
JOIN meta.states AS states ON states.state_fips = COALESCE(deaths.state_fips, dispensing.state_fips)
ORDER BY states.usps NULLS LAST
