package google

import "context"

// Check is nil if the keys of every trusted issuer can be read now.
func (p *Provider) Check(ctx context.Context) error {
	for _, i := range []*issuer{p.signIn, p.userStore} {
		if i == nil || len(i.rules.audiences) == 0 {
			continue
		}
		if _, _, err := i.keys.publisher.read(ctx); err != nil {
			return err
		}
	}
	return nil
}
