package openapi

import "github.com/danielgtaylor/huma/v2"

// openResponses allows additional fields in responses, since later versions add some. A
// client that validates responses must not fail then. Requests stay closed: the server
// rejects unknown fields.
func (c *Contract) openResponses() {
	requests, responses := schemaSet{}, schemaSet{}
	for op := range c.operations() {
		if op.RequestBody != nil {
			c.collect(requests, op.RequestBody.Content)
		}
		for _, response := range op.Responses {
			c.collect(responses, response.Content)
		}
	}
	for _, response := range c.api.Components.Responses {
		c.collect(responses, response.Content)
	}
	for s := range responses {
		if s.AdditionalProperties == false && !requests[s] {
			s.AdditionalProperties = nil
		}
	}
}

// schemaSet is a set of schemas with all schemas in them.
type schemaSet map[*huma.Schema]bool

// collect adds the schemas of bodies.
func (c *Contract) collect(set schemaSet, content map[string]*huma.MediaType) {
	for _, media := range content {
		c.add(set, media.Schema)
	}
}

func (c *Contract) add(set schemaSet, schemas ...*huma.Schema) {
	for _, s := range schemas {
		if s == nil || set[s] {
			continue
		}
		set[s] = true
		if s.Ref != "" {
			c.add(set, c.api.Components.Schemas.SchemaFromRef(s.Ref))
		}
		c.add(set, s.Items)
		c.add(set, s.OneOf...)
		c.add(set, s.AnyOf...)
		c.add(set, s.AllOf...)
		for _, property := range s.Properties {
			c.add(set, property)
		}
		if values, ok := s.AdditionalProperties.(*huma.Schema); ok {
			c.add(set, values)
		}
	}
}
