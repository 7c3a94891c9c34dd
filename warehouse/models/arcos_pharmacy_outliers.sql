-- Registrations of pharmacies with what was shipped to them: what the method peer_outliers reads. A pharmacy has its trade name
-- alone: of "… DBA …" what follows, and none where an owner is named as the proprietor.
SELECT
  buyer.buyer_state,
  buyer.buyer_county,
  buyer.buyer_county_fips,
  buyer.buyer_dea_number,
  CASE
    WHEN address.buyer_additional_info LIKE 'DBA: %' THEN SUBSTR(address.buyer_additional_info, 6)
    WHEN address.buyer_additional_info LIKE 'DBA %' THEN SUBSTR(address.buyer_additional_info, 5)
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
  buyer.transactions,
  shipped.dosage_units_2006,
  shipped.dosage_units_2007,
  shipped.dosage_units_2008,
  shipped.dosage_units_2009,
  shipped.dosage_units_2010,
  shipped.dosage_units_2011,
  shipped.dosage_units_2012,
  shipped.first_shipment_date,
  shipped.last_shipment_date,
  CAST(shipped.label_mme_mg AS DECIMAL(18, 3)) AS label_mme_mg,
  shipped.dosage_units_without_strength
FROM arcos_buyer_totals AS buyer
JOIN (
  SELECT county_fips, CAST(SUM(population) AS BIGINT) AS person_years
  FROM history.arcos_population_county
  WHERE release = '2006-2012'
    AND year BETWEEN 2006 AND 2012
  GROUP BY county_fips
) AS people ON people.county_fips = buyer.buyer_county_fips
-- A registration without a name begins with no word, and is a pharmacy all the same.
LEFT JOIN (
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
-- What is loaded by transaction or by year is that of the whole pharmacy only where it adds up to the publisher's total of the
-- same seven years: a file of one drug or of some years does not. Transactions go before sums by year, and then the newest
-- release does.
LEFT JOIN (
  SELECT
    whole.*,
    ROW_NUMBER() OVER (
      PARTITION BY whole.buyer_dea_number, whole.buyer_state, whole.buyer_county
      ORDER BY whole.basis NULLS LAST, whole.release DESC NULLS LAST
    ) AS place
  FROM (
    SELECT
      basis,
      release,
      buyer_dea_number,
      buyer_state,
      buyer_county,
      COUNT(*) AS rows_added,
      SUM(dosage_units) AS dosage_units,
      SUM(CASE WHEN year = 2006 THEN dosage_units ELSE 0 END) AS dosage_units_2006,
      SUM(CASE WHEN year = 2007 THEN dosage_units ELSE 0 END) AS dosage_units_2007,
      SUM(CASE WHEN year = 2008 THEN dosage_units ELSE 0 END) AS dosage_units_2008,
      SUM(CASE WHEN year = 2009 THEN dosage_units ELSE 0 END) AS dosage_units_2009,
      SUM(CASE WHEN year = 2010 THEN dosage_units ELSE 0 END) AS dosage_units_2010,
      SUM(CASE WHEN year = 2011 THEN dosage_units ELSE 0 END) AS dosage_units_2011,
      SUM(CASE WHEN year = 2012 THEN dosage_units ELSE 0 END) AS dosage_units_2012,
      MIN(transaction_date) AS first_shipment_date,
      MAX(transaction_date) AS last_shipment_date,
      SUM(mme_label_mg) AS label_mme_mg,
      CASE WHEN basis = 'dates' THEN SUM(CASE WHEN mme_label_mg IS NULL THEN dosage_units ELSE 0 END) END
        AS dosage_units_without_strength
    FROM (
      SELECT
        'dates' AS basis,
        release,
        buyer_dea_number,
        buyer_state,
        buyer_county,
        year,
        dosage_units,
        transaction_date,
        mme_label_mg
      FROM history.arcos_transactions
      WHERE transaction_code = 'S'
        AND measure = 'TAB'
        AND drug_name IN ('OXYCODONE', 'HYDROCODONE')
      UNION ALL
      SELECT
        'years' AS basis,
        release,
        buyer_dea_number,
        buyer_state,
        buyer_county,
        year,
        dosage_units,
        NULL AS transaction_date,
        NULL AS mme_label_mg
      FROM history.arcos_buyer_year
    ) AS loaded
    WHERE buyer_dea_number IS NOT NULL
      AND year BETWEEN 2006 AND 2012
    GROUP BY basis, release, buyer_dea_number, buyer_state, buyer_county
  ) AS whole
  JOIN arcos_buyer_totals AS total
    ON total.buyer_dea_number = whole.buyer_dea_number
    AND total.buyer_state = whole.buyer_state
    AND total.buyer_county = whole.buyer_county
    AND (whole.basis = 'years' OR total.transactions = whole.rows_added)
    AND ABS(total.dosage_units - whole.dosage_units) < 1
) AS shipped
  ON shipped.buyer_dea_number = buyer.buyer_dea_number
  AND shipped.buyer_state = buyer.buyer_state
  AND shipped.buyer_county = buyer.buyer_county
  AND shipped.place = 1
WHERE buyer.business_activity = 'RETAIL OR CHAIN PHARMACY'
  AND buyer.buyer_county IS NOT NULL
  AND people.person_years > 0
  AND buyer.buyer_dea_number NOT IN (SELECT buyer_dea_number FROM arcos_not_pharmacies WHERE buyer_dea_number IS NOT NULL)
