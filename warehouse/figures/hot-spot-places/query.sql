-- The dozen hot spots of opioid deaths: how often each is among them, and between which shares its counties lie.
SELECT CONCAT(
         SPLIT_PART(counties_named, ';', 1),
         CASE WHEN counties_counted > 1 THEN CONCAT(' and ', CAST(counties_counted - 1 AS VARCHAR), ' more') ELSE '' END
       ) AS place,
       hot_spot_named,
       hot_spot_share_least AS least,
       hot_spot_share_most AS most
FROM opioid_hot_spot_places
ORDER BY hot_spot NULLS LAST
