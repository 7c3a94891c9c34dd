-- Buyers who are persons, or may be, with what was shipped to them in 2006-2012: what the method peer_outliers reads. Each registration
-- is by itself: an address may be several persons'. Whom any file or list knows as a business is left out. A kind that few are
-- known to be of is none: these few would be each other's measure.
SELECT
  buyer_state,
  buyer_county,
  buyer_county_fips,
  buyer_dea_number,
  buyer_name,
  buyer_city,
  CASE
    WHEN business_activity <> 'not told' AND COUNT(*) OVER (PARTITION BY buyer_state, business_activity) >= 30 THEN business_activity
    ELSE 'not told, or of few'
  END AS peer_kind,
  peer_place,
  DATE '2006-01-01' AS period_start,
  DATE '2012-12-31' AS period_end,
  person_years,
  dosage_units,
  transactions,
  CONCAT(
    'Oxycodone and hydrocodone shipped to this registration in 2006-2012, compared with what was shipped to others of its kind and ',
    'place. It is no evidence of wrongdoing by anyone: whoever treats many patients, or dispenses to them, is shipped more than others.'
  ) AS caveat
FROM (
  SELECT
    buyer.buyer_state,
    buyer.buyer_county,
    buyer.buyer_county_fips,
    buyer.buyer_dea_number,
    buyer.buyer_name,
    buyer.buyer_city,
    COALESCE(address.business_activity, yearly.business_activity, 'not told') AS business_activity,
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
  FROM restricted.arcos_buyer_totals AS buyer
  JOIN (
    SELECT county_fips, CAST(SUM(population) AS BIGINT) AS person_years
    FROM history.arcos_population_county
    WHERE release = '2006-2012'
      AND year BETWEEN 2006 AND 2012
    GROUP BY county_fips
  ) AS people ON people.county_fips = buyer.buyer_county_fips
  LEFT JOIN (
    SELECT buyer_dea_number, MIN(business_activity) AS business_activity
    FROM restricted.arcos_buyer_addresses
    GROUP BY buyer_dea_number
  ) AS address ON address.buyer_dea_number = buyer.buyer_dea_number
  LEFT JOIN (
    SELECT buyer_dea_number, MIN(business_activity) AS business_activity
    FROM restricted.arcos_buyer_year
    GROUP BY buyer_dea_number
  ) AS yearly ON yearly.buyer_dea_number = buyer.buyer_dea_number
  WHERE buyer.buyer_county IS NOT NULL
    AND buyer.buyer_dea_number IS NOT NULL
    AND people.person_years > 0
    AND buyer.buyer_dea_number NOT IN (
      SELECT buyer_dea_number FROM main.arcos_buyer_addresses WHERE buyer_dea_number IS NOT NULL
      UNION
      SELECT buyer_dea_number FROM main.arcos_buyer_year WHERE buyer_dea_number IS NOT NULL
      UNION
      SELECT buyer_dea_number FROM history.arcos_pharmacies WHERE buyer_dea_number IS NOT NULL
      UNION
      SELECT buyer_dea_number FROM arcos_not_pharmacies WHERE buyer_dea_number IS NOT NULL
    )
) AS persons
