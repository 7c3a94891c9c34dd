-- Counties with a place on the map and a count, published or withheld: what the method hot_spots reads.
-- Codes that changed since, without the county changing or by a merger, stand under the code of 2017.
SELECT
  map.county_fips,
  map.state_fips,
  told.period_start,
  told.period_end,
  map.longitude,
  map.latitude,
  map.neighbours,
  told.person_years,
  told.deaths,
  told.deaths_low,
  told.deaths_high
FROM geo_county_adjacency AS map
JOIN (
  SELECT
    COALESCE(change.county_fips_new, county.county_fips) AS county_fips,
    county.period_start,
    county.period_end,
    CAST(SUM(county.person_years) AS BIGINT) AS person_years,
    CASE WHEN COUNT(county.deaths) = COUNT(*) THEN CAST(SUM(county.deaths) AS BIGINT) END AS deaths,
    CAST(SUM(COALESCE(county.deaths, county.deaths_low)) AS BIGINT) AS deaths_low,
    CAST(SUM(COALESCE(county.deaths, county.deaths_high)) AS BIGINT) AS deaths_high
  FROM cdc_opioid_deaths_county AS county
  LEFT JOIN geo_county_changes AS change
    ON change.county_fips_old = county.county_fips
    AND change.old_lies_in_new
    AND change.effective > county.period_end
    AND change.effective < DATE '2017-01-01'
  WHERE county.drug = 'any_opioid'
    AND county.period_start = DATE '2006-01-01'
    AND county.period_end = DATE '2012-12-31'
    AND county.deaths_status IN ('reported', 'suppressed')
    AND county.person_years > 0
  GROUP BY COALESCE(change.county_fips_new, county.county_fips), county.period_start, county.period_end
) AS told ON told.county_fips = map.county_fips
