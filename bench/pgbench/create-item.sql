SELECT * FROM create_item(:session, :owner, :spec, :new, 'Refunds above 500 need a second person, who is not the first.');
