-- Opioid overdose deaths per 100,000 residents, age-adjusted, with the publisher's 95 % intervals: the two states with the
-- highest rates of 2015, and the one with most prescriptions.
SELECT state,
       year,
       age_adjusted_rate_per_100k,
       age_adjusted_rate_per_100k_ci_low AS ci_low,
       age_adjusted_rate_per_100k_ci_high AS ci_high,
       age_adjusted_rate_per_100k_status AS status
FROM cdc_opioid_deaths_state
WHERE drug = 'any_opioid' AND year BETWEEN 1999 AND 2016 AND state_fips IN ('01', '33', '54')
ORDER BY state_fips DESC NULLS LAST, year NULLS LAST
