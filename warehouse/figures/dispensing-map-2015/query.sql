-- Opioid prescriptions dispensed per 100 residents, by state, 2015: a row for every state, loaded or not.
SELECT states.state_fips,
       states.state,
       dispensing.prescriptions_per_100,
       CASE WHEN dispensing.state_fips IS NULL THEN 'not loaded'
            ELSE dispensing.prescriptions_per_100_status END AS status
FROM meta.states AS states
LEFT JOIN cdc_opioid_dispensing_state AS dispensing
  ON dispensing.state_fips = states.state_fips AND dispensing.year = 2015
WHERE CAST(states.state_fips AS INTEGER) <= 56
ORDER BY states.state_fips NULLS LAST
