-- The dozen hot spots of opioid deaths, and how often each is among them.
SELECT CONCAT(
         SPLIT_PART(counties_named, ';', 1),
         CASE WHEN counties_counted > 1 THEN CONCAT(' and ', CAST(counties_counted - 1 AS VARCHAR), ' more') ELSE '' END
       ) AS place,
       hot_spot_named
FROM opioid_hot_spot_places
ORDER BY hot_spot NULLS LAST
