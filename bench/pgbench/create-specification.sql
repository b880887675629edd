SELECT * FROM create_specification(:session, :owner, :spare, :new, 'Refunds', 'Created' || repeat(' and so on', 38));
