-- How often each county is in one of a dozen hot spots of opioid deaths, under the codes of 2017.
WITH names AS (
  SELECT county_fips, MAX(name || ', ' || state) AS county
  FROM geo_counties
  GROUP BY county_fips
)
SELECT spots.county_fips, names.county, spots.hot_spot_share
FROM opioid_hot_spots AS spots
LEFT JOIN names ON names.county_fips = spots.county_fips
ORDER BY spots.county_fips NULLS LAST
