-- Pharmacies that stand out from their peers in what they were shipped, 2006-2012, and how far their ranks are certain.
WITH outliers AS (
  SELECT CASE
           WHEN LENGTH(buyer_name) > 20
             THEN REPLACE(REPLACE(REPLACE(REPLACE(buyer_name, ', INC.', ''), ', LLC', ''), ' INC', ''), ' LLC', '')
           ELSE COALESCE(buyer_name, 'NO TRADE NAME')
         END AS name,
         buyer_city, buyer_county, buyer_state, peers_ratio, peers_ratio_low, peers_ratio_high, rank_low, rank_high, dosage_units
  FROM arcos_pharmacy_outliers
  WHERE stands_out
),
named AS (
  SELECT outliers.*, COUNT(*) OVER (PARTITION BY name) AS alike FROM outliers
)
SELECT CASE WHEN alike > 1 THEN CONCAT(name, ', ', buyer_city) ELSE name END AS pharmacy,
       CONCAT(
         buyer_county, ', ', buyer_state, '; rank ', CAST(rank_low AS VARCHAR),
         CASE WHEN rank_high > rank_low THEN CONCAT('–', CAST(rank_high AS VARCHAR)) ELSE '' END
       ) AS place_and_rank,
       buyer_city,
       buyer_county,
       buyer_state,
       peers_ratio AS times_peers,
       peers_ratio_low AS least,
       peers_ratio_high AS most,
       rank_low,
       rank_high,
       dosage_units
FROM named
UNION ALL
SELECT 'as much as peers' AS pharmacy, NULL AS place_and_rank, NULL AS buyer_city, NULL AS buyer_county, NULL AS buyer_state,
       1 AS times_peers, 1 AS least, 1 AS most, NULL AS rank_low, NULL AS rank_high, NULL AS dosage_units
ORDER BY times_peers DESC NULLS LAST, pharmacy NULLS LAST
