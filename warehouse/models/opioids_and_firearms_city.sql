-- Cities for which counties can stand, because the county, or several together, are the city: deaths by opioids and firearms in
-- 2006-2012, by all drugs and by firearms in 2015, and the murders that the city's police knew of in 2015.
WITH cities AS (
  SELECT '02' AS state_fips, 'Anchorage' AS coextensive_city, 'Anchorage' AS city
  UNION ALL SELECT '06', 'San Francisco', 'San Francisco'
  UNION ALL SELECT '08', 'Denver', 'Denver'
  UNION ALL SELECT '11', 'Washington', 'Washington'
  UNION ALL SELECT '13', 'Columbus', 'Columbus'
  UNION ALL SELECT '15', 'Honolulu', 'Honolulu'
  UNION ALL SELECT '21', 'Lexington', 'Lexington'
  UNION ALL SELECT '22', 'New Orleans', 'New Orleans'
  UNION ALL SELECT '24', 'Baltimore', 'Baltimore'
  UNION ALL SELECT '29', 'St. Louis', 'St. Louis'
  UNION ALL SELECT '36', 'New York', 'New York'
  UNION ALL SELECT '42', 'Philadelphia', 'Philadelphia'
  UNION ALL SELECT '51', 'Alexandria', 'Alexandria'
  UNION ALL SELECT '51', 'Chesapeake', 'Chesapeake'
  UNION ALL SELECT '51', 'Hampton', 'Hampton'
  UNION ALL SELECT '51', 'Newport News', 'Newport News'
  UNION ALL SELECT '51', 'Norfolk', 'Norfolk'
  UNION ALL SELECT '51', 'Richmond', 'Richmond'
  UNION ALL SELECT '51', 'Virginia Beach', 'Virginia Beach'
),
several AS (
  SELECT SUBSTR(county_fips, 1, 2) AS state_fips, coextensive_city, COUNT(*) AS counties, SUM(person_years) AS person_years,
         CASE WHEN COUNT(opioid_deaths) = COUNT(*) THEN SUM(opioid_deaths) END AS opioids,
         CASE WHEN COUNT(firearm_copy_low) = COUNT(*) THEN SUM(firearm_copy_low) END AS firearms_low,
         CASE WHEN COUNT(firearm_copy_high) = COUNT(*) THEN SUM(firearm_copy_high) END AS firearms_high
  FROM opioids_and_firearms_county
  WHERE period_start = DATE '2006-01-01' AND period_end = DATE '2012-12-31'
  GROUP BY SUBSTR(county_fips, 1, 2), coextensive_city
),
names AS (
  SELECT DISTINCT county_fips, coextensive_city
  FROM opioids_and_firearms_county
  WHERE coextensive_city IS NOT NULL
),
latest AS (
  SELECT SUBSTR(y.county_fips, 1, 2) AS state_fips, n.coextensive_city,
         CASE WHEN COUNT(y.drug_induced_deaths) = COUNT(*) THEN SUM(y.drug_induced_deaths) END AS drugs,
         CASE WHEN COUNT(y.firearm_deaths) = COUNT(*) THEN SUM(y.firearm_deaths) END AS firearms,
         -- Of several counties only where each is published: else a bound would tell of the one that is not.
         CASE WHEN COUNT(*) = 1 THEN MIN(y.firearm_deaths_low)
              WHEN COUNT(y.firearm_deaths) = COUNT(*) THEN SUM(y.firearm_deaths) END AS firearms_low,
         CASE WHEN COUNT(*) = 1 THEN MAX(y.firearm_deaths_high)
              WHEN COUNT(y.firearm_deaths) = COUNT(*) THEN SUM(y.firearm_deaths) END AS firearms_high
  FROM opioids_and_firearms_county_year AS y
  JOIN names AS n ON n.county_fips = y.county_fips
  WHERE y.year = 2015
  GROUP BY SUBSTR(y.county_fips, 1, 2), n.coextensive_city
),
murders AS (
  SELECT state_fips, city, MAX(murder) AS murder, COUNT(*) AS rows_of_city
  FROM fbi_city_offenses
  WHERE year = 2015
  GROUP BY state_fips, city
)
SELECT cities.state_fips,
       cities.coextensive_city,
       CAST(several.counties AS BIGINT) AS counties_counted,
       CAST(several.person_years AS BIGINT) AS person_years,
       CAST(several.opioids AS BIGINT) AS opioid_deaths,
       CAST(several.firearms_low AS BIGINT) AS firearm_copy_low,
       CAST(several.firearms_high AS BIGINT) AS firearm_copy_high,
       CAST(latest.drugs AS BIGINT) AS drug_induced_deaths,
       CAST(latest.firearms AS BIGINT) AS firearm_deaths,
       CAST(latest.firearms_low AS BIGINT) AS firearm_deaths_low,
       CAST(latest.firearms_high AS BIGINT) AS firearm_deaths_high,
       CASE WHEN murders.rows_of_city = 1 THEN murders.murder END AS murder
FROM cities
JOIN several ON several.state_fips = cities.state_fips AND several.coextensive_city = cities.coextensive_city
LEFT JOIN latest ON latest.state_fips = cities.state_fips AND latest.coextensive_city = cities.coextensive_city
LEFT JOIN murders ON murders.state_fips = cities.state_fips AND murders.city = cities.city
