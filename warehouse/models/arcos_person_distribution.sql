-- What was shipped to buyers who are persons or may be, without telling one from another: figures with how many have them, for the
-- method distribution. Of a state of which no buyer is known to be a pharmacy nothing is said: its pharmacies would be among them.
SELECT buyer_state, person_kind, period_start, period_end, dosage_units, COUNT(*) AS persons
FROM (
  SELECT
    buyer_state,
    'not in the lists of pharmacies' AS person_kind,
    DATE '2006-01-01' AS period_start,
    DATE '2012-12-31' AS period_end,
    dosage_units
  FROM arcos_buyer_totals
  WHERE buyer_dea_number IS NULL
    AND buyer_state IN (SELECT buyer_state FROM arcos_buyer_totals WHERE buyer_dea_number IS NOT NULL)
  UNION ALL
  SELECT
    buyer_state,
    COALESCE(business_activity, 'not told') AS person_kind,
    CAST(CONCAT(CAST(year AS VARCHAR), '-01-01') AS DATE) AS period_start,
    CAST(CONCAT(CAST(year AS VARCHAR), '-12-31') AS DATE) AS period_end,
    dosage_units
  FROM arcos_buyer_year
  WHERE buyer_dea_number IS NULL
) AS shipped
WHERE dosage_units IS NOT NULL
GROUP BY buyer_state, person_kind, period_start, period_end, dosage_units
