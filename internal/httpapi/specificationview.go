package httpapi

import (
	"io"

	"github.com/codegenapp/codegenapp/internal/history"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// specification is a specification as the contract shows it.
type specification struct {
	ID        requirements.SpecificationID `json:"id" format:"uuid"`
	ProjectID requirements.ProjectID       `json:"project_id" format:"uuid"`
	Number    int                          `json:"number" minimum:"1" doc:"Counts from 1 within the project; never reused."`
	Title     string                       `json:"title" maxLength:"200" example:"Refunds"`
	Content   string                       `json:"content" minLength:"1" maxLength:"100000" example:"# Refunds\n\nA customer gets the money back within a day."`
	ItemCount int                          `json:"item_count" minimum:"0" sample:"3"`
	Version   int64                        `json:"version" minimum:"1" sample:"5" doc:"Counts the states of the specification and its items. In quotes it is the ETag, for If-Match."`
	CreatedAt timestamp                    `json:"created_at" sample:"2026-11-22T09:30:00.481516Z"`
	UpdatedAt timestamp                    `json:"updated_at"`
	DeletedAt *timestamp                   `json:"deleted_at" nullable:"true" doc:"When it was moved to the trash; null while it is live."`
	Items     []item                       `json:"items,omitzero" doc:"The items in their order; only with include=items, and in the response to a creation with items."`
}

// ContentType implements huma.ContentTypeFilter.
func (specification) ContentType(media string) string { return textType(media) }

func (s specification) writeMarkdown(w io.Writer) error {
	list := requirements.ItemList{Specification: requirements.Specification{Number: s.Number, Title: s.Title, Content: s.Content}}
	for _, i := range s.Items {
		list.Items = append(list.Items, requirements.Item{Number: i.Number, Content: i.Content})
	}
	return textBody(history.Markdown(list)).write(w)
}

func specificationOf(s requirements.Specification) specification {
	return specification{
		ID: s.ID, ProjectID: s.Project, Number: s.Number, Title: s.Title, Content: s.Content, ItemCount: len(s.Items),
		Version: s.Version, CreatedAt: timestamp(s.CreatedAt), UpdatedAt: timestamp(s.UpdatedAt), DeletedAt: timestampOf(s.DeletedAt),
	}
}

// specificationRow is a specification in a list.
type specificationRow struct {
	ID        requirements.SpecificationID `json:"id" format:"uuid"`
	ProjectID requirements.ProjectID       `json:"project_id" format:"uuid"`
	Number    int                          `json:"number" minimum:"1" doc:"Counts from 1 within the project; never reused."`
	Title     string                       `json:"title" maxLength:"200" example:"Refunds"`
	Content   string                       `json:"content,omitempty" minLength:"1" maxLength:"100000" example:"# Refunds\n\nA customer gets the money back within a day." doc:"Absent with view=summary."`
	ItemCount int                          `json:"item_count" minimum:"0" sample:"3"`
	Version   int64                        `json:"version" minimum:"1" sample:"5" doc:"Counts the states of the specification and its items; the ETag is made of it."`
	CreatedAt timestamp                    `json:"created_at" sample:"2026-11-22T09:30:00.481516Z"`
	UpdatedAt timestamp                    `json:"updated_at"`
	DeletedAt *timestamp                   `json:"deleted_at" nullable:"true" doc:"When it was moved to the trash; null while it is live."`
	Items     []item                       `json:"-"`
}

func specificationRowOf(s requirements.Specification) specificationRow {
	return specificationRow(specificationOf(s))
}

type specificationOut struct {
	ETag string `header:"ETag" doc:"The version, for If-Match and If-None-Match."`
	Body specification
}

func specificationResponse(s requirements.Specification, err error) (*specificationOut, error) {
	if err != nil {
		return nil, err
	}
	return &specificationOut{ETag: etag(s.Tag()), Body: specificationOf(s)}, nil
}
