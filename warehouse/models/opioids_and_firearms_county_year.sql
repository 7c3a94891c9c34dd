-- Deaths by drugs and by firearms beside each other, for every county and year since 2006 of which at least one of the two is
-- published, with what was prescribed and shipped. Opioids are not told apart: no such export by county and year was captured.
WITH induced AS (
  SELECT county_fips, county, year, deaths, deaths_low, deaths_high, deaths_status, population
  FROM cdc_drug_deaths_county
  WHERE cause_set = 'drug_induced' AND year >= 2006 AND deaths_status <> 'missing'
),
covered AS (
  SELECT DISTINCT SUBSTR(county_fips, 1, 2) AS state_fips, year FROM cdc_firearm_deaths_county_secondary
),
shipped AS (
  SELECT buyer_county_fips AS county_fips, year, SUM(dosage_units) AS dosage_units
  FROM arcos_county_year
  WHERE release = '2006-2014' AND buyer_county_fips IS NOT NULL
  GROUP BY buyer_county_fips, year
),
people AS (
  SELECT county_fips, year, MAX(population) AS population
  FROM arcos_population_county
  WHERE population > 0
  GROUP BY county_fips, year
),
places AS (
  SELECT county_fips, MAX(urban_rural_category) AS urban_rural_category
  FROM cdc_drug_poisoning_county_modelled
  GROUP BY county_fips
)
SELECT induced.county_fips,
       induced.county,
       induced.year,
       induced.population,
       induced.deaths AS drug_induced_deaths,
       induced.deaths_low AS drug_induced_deaths_low,
       induced.deaths_high AS drug_induced_deaths_high,
       induced.deaths_status AS drug_induced_deaths_status,
       copied.deaths AS firearm_deaths,
       CASE WHEN covered.state_fips IS NOT NULL THEN COALESCE(copied.deaths_low, 0) END AS firearm_deaths_low,
       CASE WHEN covered.state_fips IS NOT NULL THEN COALESCE(copied.deaths_high, 9) END AS firearm_deaths_high,
       CASE WHEN covered.state_fips IS NULL THEN 'missing' ELSE COALESCE(copied.deaths_status, 'not_shown') END
         AS firearm_deaths_status,
       CAST(shipped.dosage_units / people.population AS DECIMAL(18, 6)) AS dosage_units_per_person,
       dispensed.prescriptions_per_100,
       COALESCE(dispensed.prescriptions_per_100_status, 'missing') AS prescriptions_per_100_status,
       binned.age_adjusted_rate_bin,
       places.urban_rural_category
FROM induced
LEFT JOIN covered ON covered.state_fips = SUBSTR(induced.county_fips, 1, 2) AND covered.year = induced.year
LEFT JOIN cdc_firearm_deaths_county_secondary AS copied
  ON copied.county_fips = induced.county_fips AND copied.year = induced.year
LEFT JOIN shipped ON shipped.county_fips = induced.county_fips AND shipped.year = induced.year
LEFT JOIN people ON people.county_fips = induced.county_fips AND people.year = induced.year
LEFT JOIN cdc_opioid_dispensing_county AS dispensed
  ON dispensed.county_fips = induced.county_fips AND dispensed.year = induced.year
LEFT JOIN cdc_drug_poisoning_county_binned AS binned
  ON binned.county_fips = induced.county_fips AND binned.year = induced.year
LEFT JOIN places ON places.county_fips = induced.county_fips
WHERE induced.deaths >= 10 OR copied.deaths >= 10
