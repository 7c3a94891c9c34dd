-- Opioid prescriptions dispensed per 100 residents, by county, 2015, under the codes of the publisher's table.
SELECT county_fips,
       county,
       prescriptions_per_100,
       CASE WHEN prescriptions_per_100_status = 'missing' THEN 'no rate published'
            ELSE prescriptions_per_100_status END AS status
FROM cdc_opioid_dispensing_county
WHERE year = 2015
ORDER BY county_fips NULLS LAST
