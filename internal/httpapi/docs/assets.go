package docs

import (
	"embed"
	"fmt"
	"path"
	"strings"
	"sync"
)

// embedded are the assets: ours as they are, those of others compressed, so
// that they do not swell the program. tools/docs says where the latter are from.
//
//go:embed assets
var embedded embed.FS

// assetSet is the assets by the name in their URL, and those names by the name
// of their source.
type assetSet struct {
	files map[string]*file
	names map[string]string
}

// assets reads them once. The name of an asset carries a digest of its content,
// so that browsers may keep it for good and still never show an old one.
var assets = sync.OnceValue(func() assetSet {
	set := assetSet{files: map[string]*file{}, names: map[string]string{}}
	entries, err := embedded.ReadDir("assets")
	if err != nil {
		panic(fmt.Sprintf("list the embedded assets: %v", err))
	}
	for _, entry := range entries {
		content, err := embedded.ReadFile(path.Join("assets", entry.Name()))
		if err != nil {
			panic(fmt.Sprintf("read an embedded asset: %v", err))
		}
		source, isPacked := strings.CutSuffix(entry.Name(), ".gz")
		extension := path.Ext(source)
		made := newFile
		if isPacked {
			made = newPackedFile
		}
		f := made(mediaTypes[extension], content)
		f.cache = "public, max-age=31536000, immutable"
		name := strings.TrimSuffix(source, extension) + "." + f.digest + extension
		set.files[name], set.names[source] = f, name
	}
	return set
})

// mediaTypes do not depend on the machine, as those of package mime do.
var mediaTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml; charset=utf-8",
	".txt": "text/plain; charset=utf-8",
}

// assetPath is the path of the asset that is made of source.
func assetPath(source string) (string, error) {
	name, ok := assets().names[source]
	if !ok {
		return "", fmt.Errorf("there is no asset %s", source)
	}
	return "/docs/" + name, nil
}
