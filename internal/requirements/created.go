package requirements

// NewlyCreatedSpecification is a specification as it was created. Its JSON names are those
// of a saved response.
type NewlyCreatedSpecification struct {
	Specification

	// ItemContents are the contents of the items that it was created with; nil if the
	// request did not have them.
	ItemContents []string `json:"ItemContents,omitzero"`
}

func (s NewlyCreatedSpecification) withItems(ids []ItemID, contents []string) NewlyCreatedSpecification {
	s.Items, s.ItemContents = ids, contents
	s.NextItemNumber += len(ids)
	return s
}

// NewItems returns the items that the specification was created with; nil if the request
// did not have them.
func (s NewlyCreatedSpecification) NewItems() []Item {
	if s.ItemContents == nil {
		return nil
	}
	items := make([]Item, len(s.ItemContents))
	for n, content := range s.ItemContents {
		items[n] = Item{
			ID: s.Items[n], Specification: s.ID, SpecificationNumber: s.Number, Owner: s.Owner, Number: n + 1, Content: content, Order: n,
			Version: 1, CreatedAt: s.CreatedAt, UpdatedAt: s.CreatedAt,
		}
	}
	return items
}
