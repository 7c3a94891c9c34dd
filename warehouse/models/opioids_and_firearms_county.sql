-- Deaths by opioids and by firearms beside each other, for every county and period of the opioid table, with what else is known of
-- the same years. Years are only added up where each of them is published; of firearm deaths there are bounds besides.
WITH opioid AS (
  SELECT county_fips, county, period_start, period_end, person_years, deaths, deaths_low, deaths_high, deaths_status,
         CAST(EXTRACT(YEAR FROM period_start) AS INTEGER) AS first_year,
         CAST(EXTRACT(YEAR FROM period_end) AS INTEGER) AS last_year
  FROM cdc_opioid_deaths_county
  WHERE drug = 'any_opioid' AND deaths_status <> 'missing'
),
periods AS (
  SELECT DISTINCT period_start, period_end, first_year, last_year, last_year - first_year + 1 AS years FROM opioid
),
covered AS (
  SELECT DISTINCT SUBSTR(county_fips, 1, 2) AS state_fips FROM cdc_firearm_deaths_county_secondary
),
copied AS (
  SELECT f.county_fips, p.period_start, p.period_end, COUNT(*) AS shown, SUM(f.deaths) AS deaths
  FROM cdc_firearm_deaths_county_secondary AS f
  JOIN periods AS p ON f.year BETWEEN p.first_year AND p.last_year
  GROUP BY f.county_fips, p.period_start, p.period_end
),
induced AS (
  SELECT d.county_fips, p.period_start, p.period_end, COUNT(*) AS shown, SUM(d.deaths) AS deaths
  FROM cdc_drug_deaths_county AS d
  JOIN periods AS p ON d.year BETWEEN p.first_year AND p.last_year
  WHERE d.cause_set = 'drug_induced' AND d.deaths >= 10
  GROUP BY d.county_fips, p.period_start, p.period_end
),
shipped AS (
  SELECT a.buyer_county_fips AS county_fips, p.period_start, p.period_end, COUNT(DISTINCT a.year) AS years, SUM(a.dosage_units) AS dosage_units
  FROM arcos_county_year AS a
  JOIN periods AS p ON a.year BETWEEN p.first_year AND p.last_year
  WHERE a.release = '2006-2014' AND a.buyer_county_fips IS NOT NULL
  GROUP BY a.buyer_county_fips, p.period_start, p.period_end
),
people AS (
  SELECT c.county_fips, p.period_start, p.period_end, COUNT(DISTINCT c.year) AS years, SUM(c.population) AS person_years
  FROM arcos_population_county AS c
  JOIN periods AS p ON c.year BETWEEN p.first_year AND p.last_year
  WHERE c.population > 0
  GROUP BY c.county_fips, p.period_start, p.period_end
),
dispensed AS (
  SELECT r.county_fips, p.period_start, p.period_end, COUNT(r.prescriptions_per_100) AS years, SUM(r.prescriptions_per_100) AS rates
  FROM cdc_opioid_dispensing_county AS r
  JOIN periods AS p ON r.year BETWEEN p.first_year AND p.last_year
  GROUP BY r.county_fips, p.period_start, p.period_end
),
places AS (
  SELECT county_fips, MAX(urban_rural_category) AS urban_rural_category
  FROM cdc_drug_poisoning_county_modelled
  GROUP BY county_fips
)
SELECT opioid.county_fips,
       opioid.county,
       opioid.period_start,
       opioid.period_end,
       opioid.person_years,
       opioid.deaths AS opioid_deaths,
       opioid.deaths_low AS opioid_deaths_low,
       opioid.deaths_high AS opioid_deaths_high,
       opioid.deaths_status AS opioid_deaths_status,
       CASE WHEN induced.shown = periods.years AND NOT (COALESCE(opioid.deaths, 0) >= 10 AND induced.deaths - opioid.deaths BETWEEN 1 AND 9)
            THEN CAST(induced.deaths AS BIGINT) END AS drug_induced_deaths,
       CAST(COALESCE(induced.shown, 0) AS BIGINT) AS drug_deaths_years_shown,
       CAST(CASE WHEN covered.state_fips IS NOT NULL AND periods.years - COALESCE(copied.shown, 0) <> 1
                 THEN COALESCE(copied.deaths, 0) END AS BIGINT) AS firearm_copy_low,
       CAST(CASE WHEN covered.state_fips IS NOT NULL AND periods.years - COALESCE(copied.shown, 0) <> 1
                 THEN COALESCE(copied.deaths, 0) + 9 * (periods.years - COALESCE(copied.shown, 0)) END AS BIGINT) AS firearm_copy_high,
       CAST(CASE WHEN covered.state_fips IS NOT NULL THEN COALESCE(copied.shown, 0) END AS BIGINT) AS firearm_rows_shown,
       CAST(CASE WHEN covered.state_fips IS NOT NULL THEN periods.years - COALESCE(copied.shown, 0) END AS BIGINT) AS firearm_rows_hidden,
       CAST(CASE WHEN shipped.years = periods.years AND people.years = periods.years
                 THEN shipped.dosage_units / people.person_years END AS DECIMAL(18, 6)) AS dosage_units_per_person,
       CAST(CASE WHEN dispensed.years = periods.years THEN dispensed.rates / dispensed.years END AS DECIMAL(18, 9))
         AS prescriptions_per_100_mean,
       places.urban_rural_category,
       CASE opioid.county_fips
         WHEN '02020' THEN 'Anchorage' WHEN '06075' THEN 'San Francisco' WHEN '08031' THEN 'Denver'
         WHEN '11001' THEN 'Washington' WHEN '13215' THEN 'Columbus' WHEN '15003' THEN 'Honolulu'
         WHEN '21067' THEN 'Lexington' WHEN '22071' THEN 'New Orleans'
         WHEN '24510' THEN 'Baltimore' WHEN '29510' THEN 'St. Louis' WHEN '32510' THEN 'Carson City'
         WHEN '36005' THEN 'New York' WHEN '36047' THEN 'New York' WHEN '36061' THEN 'New York'
         WHEN '36081' THEN 'New York' WHEN '36085' THEN 'New York' WHEN '42101' THEN 'Philadelphia'
         ELSE CASE WHEN opioid.county_fips BETWEEN '51510' AND '51840' THEN SUBSTR(opioid.county, 1, POSITION(' city' IN opioid.county) - 1) END
       END AS coextensive_city
FROM opioid
JOIN periods ON periods.period_start = opioid.period_start AND periods.period_end = opioid.period_end
LEFT JOIN covered ON covered.state_fips = SUBSTR(opioid.county_fips, 1, 2)
LEFT JOIN copied
  ON copied.county_fips = opioid.county_fips AND copied.period_start = opioid.period_start AND copied.period_end = opioid.period_end
LEFT JOIN induced
  ON induced.county_fips = opioid.county_fips AND induced.period_start = opioid.period_start AND induced.period_end = opioid.period_end
LEFT JOIN shipped
  ON shipped.county_fips = opioid.county_fips AND shipped.period_start = opioid.period_start AND shipped.period_end = opioid.period_end
LEFT JOIN people
  ON people.county_fips = opioid.county_fips AND people.period_start = opioid.period_start AND people.period_end = opioid.period_end
LEFT JOIN dispensed
  ON dispensed.county_fips = opioid.county_fips AND dispensed.period_start = opioid.period_start
     AND dispensed.period_end = opioid.period_end
LEFT JOIN places ON places.county_fips = opioid.county_fips
