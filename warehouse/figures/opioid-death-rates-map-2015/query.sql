-- Opioid overdose deaths per 100,000 residents, age-adjusted, by state, 2015: a row for every state, loaded or not.
SELECT states.state_fips,
       states.state,
       deaths.age_adjusted_rate_per_100k,
       CASE WHEN deaths.state_fips IS NULL THEN 'not loaded'
            ELSE deaths.age_adjusted_rate_per_100k_status END AS status
FROM meta.states AS states
LEFT JOIN cdc_opioid_deaths_state AS deaths
  ON deaths.state_fips = states.state_fips AND deaths.year = 2015 AND deaths.drug = 'any_opioid'
WHERE CAST(states.state_fips AS INTEGER) <= 56
ORDER BY states.state_fips NULLS LAST
