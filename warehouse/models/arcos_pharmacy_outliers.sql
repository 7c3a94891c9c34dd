-- Registrations of pharmacies with what was shipped to them: what the method peer_outliers reads. A pharmacy has its trade name
-- alone: of "… DBA …" what follows, and none where an owner is named as the proprietor.
SELECT
  buyer.buyer_state,
  buyer.buyer_county,
  buyer.buyer_county_fips,
  buyer.buyer_dea_number,
  CASE
    WHEN buyer.buyer_name LIKE '% DBA%' THEN NULLIF(TRIM(SPLIT_PART(buyer.buyer_name, ' DBA', 2)), '')
    WHEN buyer.buyer_name LIKE '% PROP' OR buyer.buyer_name LIKE '% PROP %' THEN NULL
    ELSE buyer.buyer_name
  END AS buyer_name,
  buyer.buyer_city,
  address.buyer_address1,
  address.buyer_address2,
  address.buyer_additional_info,
  point.latitude,
  point.longitude,
  CASE
    WHEN address.business_activity = 'CHAIN PHARMACY' THEN 'chain'
    WHEN address.business_activity = 'RETAIL PHARMACY' THEN 'independent'
    WHEN word.registrations >= 5 AND word.word NOT IN ('THE', 'MEDICAL', 'MEDICINE', 'CITY', 'FAMILY') THEN 'chain'
    ELSE 'independent'
  END AS peer_kind,
  CONCAT(
    buyer.buyer_state,
    CASE
      WHEN people.person_years < 7 * 25000 THEN ', a county of fewer than 25,000'
      WHEN people.person_years < 7 * 60000 THEN ', a county of 25,000 to 59,999'
      ELSE ', a county of 60,000 or more'
    END
  ) AS peer_place,
  people.person_years,
  buyer.dosage_units,
  buyer.transactions
FROM arcos_buyer_totals AS buyer
JOIN (
  SELECT county_fips, CAST(SUM(population) AS BIGINT) AS person_years
  FROM history.arcos_population_county
  WHERE release = '2006-2012'
    AND year BETWEEN 2006 AND 2012
  GROUP BY county_fips
) AS people ON people.county_fips = buyer.buyer_county_fips
JOIN (
  SELECT
    buyer_state,
    SPLIT_PART(REPLACE(REPLACE(UPPER(buyer_name), '-', ''), ',', ' '), ' ', 1) AS word,
    COUNT(*) AS registrations
  FROM arcos_buyer_totals
  WHERE business_activity = 'RETAIL OR CHAIN PHARMACY'
    AND buyer_dea_number NOT IN (SELECT buyer_dea_number FROM arcos_not_pharmacies WHERE buyer_dea_number IS NOT NULL)
  GROUP BY buyer_state, SPLIT_PART(REPLACE(REPLACE(UPPER(buyer_name), '-', ''), ',', ' '), ' ', 1)
) AS word
  ON word.buyer_state = buyer.buyer_state
  AND word.word = SPLIT_PART(REPLACE(REPLACE(UPPER(buyer.buyer_name), '-', ''), ',', ' '), ' ', 1)
LEFT JOIN (
  SELECT
    buyer_dea_number,
    MIN(business_activity) AS business_activity,
    MIN(buyer_address1) AS buyer_address1,
    MIN(buyer_address2) AS buyer_address2,
    MIN(buyer_additional_info) AS buyer_additional_info
  FROM arcos_buyer_addresses
  WHERE buyer_dea_number IS NOT NULL
  GROUP BY buyer_dea_number
) AS address ON address.buyer_dea_number = buyer.buyer_dea_number
LEFT JOIN (
  SELECT buyer_dea_number, MIN(latitude) AS latitude, MIN(longitude) AS longitude
  FROM history.arcos_pharmacies
  WHERE latitude IS NOT NULL
  GROUP BY buyer_dea_number
) AS point ON point.buyer_dea_number = buyer.buyer_dea_number
WHERE buyer.business_activity = 'RETAIL OR CHAIN PHARMACY'
  AND buyer.buyer_county IS NOT NULL
  AND people.person_years > 0
  AND buyer.buyer_dea_number NOT IN (SELECT buyer_dea_number FROM arcos_not_pharmacies WHERE buyer_dea_number IS NOT NULL)
