-- How often each county is in one of a dozen hot spots of opioid deaths, under the codes of 2017.
SELECT county_fips, hot_spot_share
FROM opioid_hot_spots
ORDER BY county_fips NULLS LAST
