-- tenant scope
SELECT * FROM reorder_items(:session, :owner, :spec, NULL,
    (SELECT item_ids[2:9] || item_ids[1] FROM specifications WHERE owner_id = :owner AND id = :spec));
SELECT i.id, i.specification_id, i.number, i.content, i.version, i.created_at, i.updated_at
FROM   specifications AS s
CROSS  JOIN unnest(s.item_ids) WITH ORDINALITY AS o (id, place)
JOIN   items AS i ON i.owner_id = s.owner_id AND i.id = o.id
WHERE  s.owner_id = :owner AND s.id = :spec
ORDER  BY o.place;
