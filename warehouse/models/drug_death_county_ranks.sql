-- The twenty counties that are highest by each of several definitions. Only counts of 10 and more are ranked, and rates as the
-- publisher prints them, of 20 deaths and more, unless the definition says otherwise. Years are added up only of counties of which
-- every one of the years is published: of the others nobody knows the sum.
WITH pooled AS (
  SELECT county_fips, county, deaths, person_years, crude_rate_per_100k, age_adjusted_rate_per_100k
  FROM cdc_opioid_deaths_county
  WHERE drug = 'any_opioid' AND period_start = DATE '2006-01-01' AND period_end = DATE '2012-12-31' AND deaths >= 10
),
yearly AS (
  SELECT county_fips, county, year, deaths, population, crude_rate_per_100k, age_adjusted_rate_per_100k
  FROM cdc_drug_deaths_county
  WHERE cause_set = 'drug_induced' AND deaths >= 10
),
windows AS (
  SELECT first_year, last_year, last_year - first_year + 1 AS years
  FROM (SELECT 1999 AS first_year, 2015 AS last_year
        UNION ALL SELECT 2006, 2012
        UNION ALL SELECT 2006, 2015
        UNION ALL SELECT 2010, 2015
        UNION ALL SELECT 2011, 2015
        UNION ALL SELECT 2012, 2015
        UNION ALL SELECT 2013, 2015
        UNION ALL SELECT 2014, 2015) AS chosen
),
several AS (
  SELECT w.first_year, w.last_year, y.county_fips, MIN(y.county) AS county, SUM(y.deaths) AS deaths, SUM(y.population) AS person_years
  FROM windows AS w
  JOIN yearly AS y ON y.year BETWEEN w.first_year AND w.last_year
  GROUP BY w.first_year, w.last_year, w.years, y.county_fips
  HAVING COUNT(*) = w.years
),
candidates AS (
  SELECT 'opioids 2006-2012, crude rate' AS definition, 'crude_rate' AS rank_measure, county_fips, county, deaths, person_years,
         crude_rate_per_100k AS rank_value
  FROM pooled WHERE deaths >= 20
  UNION ALL
  SELECT 'opioids 2006-2012, crude rate, unreliable ones too', 'crude_rate', county_fips, county, deaths, person_years,
         CAST(CAST(100000 * deaths AS DECIMAL(28, 9)) / person_years AS DECIMAL(18, 9))
  FROM pooled
  UNION ALL
  SELECT 'opioids 2006-2012, age-adjusted rate', 'age_adjusted_rate', county_fips, county, deaths, person_years,
         age_adjusted_rate_per_100k
  FROM pooled WHERE deaths >= 20
  UNION ALL
  SELECT 'opioids 2006-2012, age-adjusted rate, 100,000 residents or more', 'age_adjusted_rate', county_fips, county, deaths,
         person_years, age_adjusted_rate_per_100k
  FROM pooled WHERE deaths >= 20 AND person_years >= 700000
  UNION ALL
  SELECT 'opioids 2006-2012, deaths', 'deaths', county_fips, county, deaths, person_years, CAST(deaths AS DECIMAL(18, 9))
  FROM pooled
  UNION ALL
  SELECT 'drugs ' || CAST(year AS VARCHAR(4)) || ', crude rate', 'crude_rate', county_fips, county, deaths, population, crude_rate_per_100k
  FROM yearly WHERE deaths >= 20 AND year IN (2014, 2015)
  UNION ALL
  SELECT 'drugs 2015, crude rate, unreliable ones too', 'crude_rate', county_fips, county, deaths, population,
         CAST(CAST(100000 * deaths AS DECIMAL(28, 9)) / population AS DECIMAL(18, 9))
  FROM yearly WHERE year = 2015
  UNION ALL
  SELECT 'drugs ' || CAST(year AS VARCHAR(4)) || ', age-adjusted rate', 'age_adjusted_rate', county_fips, county, deaths, population,
         age_adjusted_rate_per_100k
  FROM yearly WHERE deaths >= 20 AND year IN (2014, 2015)
  UNION ALL
  SELECT 'drugs 2015, deaths', 'deaths', county_fips, county, deaths, population, CAST(deaths AS DECIMAL(18, 9))
  FROM yearly WHERE year = 2015
  UNION ALL
  SELECT 'drugs ' || CAST(first_year AS VARCHAR(4)) || '-' || CAST(last_year AS VARCHAR(4)) || ', crude rate', 'crude_rate', county_fips,
         county, deaths, person_years, CAST(CAST(100000 * deaths AS DECIMAL(28, 9)) / person_years AS DECIMAL(18, 9))
  FROM several WHERE deaths >= 20
),
ranked AS (
  SELECT candidates.*,
         ROW_NUMBER() OVER (PARTITION BY definition ORDER BY rank_value DESC NULLS LAST, county_fips NULLS LAST) AS place,
         COUNT(rank_value) OVER (PARTITION BY definition) AS places_ranked
  FROM candidates
)
SELECT definition,
       place,
       county_fips,
       county,
       SUBSTR(county_fips, 1, 2) AS state_fips,
       CAST(deaths AS BIGINT) AS deaths,
       CAST(person_years AS BIGINT) AS person_years,
       rank_measure,
       rank_value,
       CAST(places_ranked AS BIGINT) AS places_ranked
FROM ranked
WHERE place <= 20
