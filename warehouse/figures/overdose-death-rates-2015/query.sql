-- Drug overdose deaths per 100,000 residents, age-adjusted, with the publisher's 95 % intervals, 2015: highest first.
SELECT CASE WHEN state_fips IS NULL THEN 'United States' ELSE state END AS name,
       age_adjusted_rate_per_100k,
       age_adjusted_rate_per_100k_ci_low AS ci_low,
       age_adjusted_rate_per_100k_ci_high AS ci_high,
       CASE WHEN age_adjusted_rate_per_100k IS NULL THEN 'no rate published' ELSE 'reported' END AS status
FROM cdc_drug_poisoning_state
WHERE year = 2015
  AND sex = 'Both Sexes'
  AND age_group = 'All Ages'
  AND race_hispanic_origin = 'All Races-All Origins'
ORDER BY age_adjusted_rate_per_100k DESC NULLS LAST, name NULLS LAST
