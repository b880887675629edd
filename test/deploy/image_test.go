package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// imageUser is the user ID that the image runs as. Pods repeat it.
const imageUser = 65532

var dockerfiles = []string{"docker/Dockerfile", "docker/Dockerfile.release"}

// lastStage are the instructions from the last FROM on, without comments, each on
// one line.
func lastStage(t *testing.T, name string) []string {
	t.Helper()
	text := regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(read(t, name), "")
	text = regexp.MustCompile(`\s*\\\n\s*`).ReplaceAllString(text, " ")
	return strings.Split(strings.TrimSpace(text[strings.LastIndex(text, "FROM "):]), "\n")
}

func TestImage_HoldsOnlyTheProgram(t *testing.T) {
	for _, name := range dockerfiles {
		stage := lastStage(t, name)
		if stage[0] != "FROM scratch" {
			t.Errorf("%s ends %s", name, stage[0])
		}
		for _, line := range []string{"USER 65532:65532", `ENTRYPOINT ["/codegenapp"]`, `CMD ["serve"]`, "EXPOSE 8080 9090"} {
			if !slices.Contains(stage, line) {
				t.Errorf("%s has no %s", name, line)
			}
		}
		text := strings.Join(stage, "\n")
		if !regexp.MustCompile(`(?m)^HEALTHCHECK .*CMD \["/codegenapp", "healthcheck"\]$`).MatchString(text) {
			t.Errorf("%s does not ask the server for its health", name)
		}
		for _, label := range []string{"title", "description", "source", "licenses", "version", "revision"} {
			if !strings.Contains(text, "org.opencontainers.image."+label+"=") {
				t.Errorf("%s does not label its %s", name, label)
			}
		}
		if strings.Contains(text, "\nRUN ") || strings.Contains(text, "\nADD ") {
			t.Errorf("%s runs or downloads something in its last stage", name)
		}
	}
}

// TestImage_BothDockerfilesAgree compares the last stages but for where files come from.
func TestImage_BothDockerfilesAgree(t *testing.T) {
	var stages [2]string
	for i, name := range dockerfiles {
		text := strings.Join(lastStage(t, name), "\n")
		text = regexp.MustCompile(`(?m)^ARG TARGETOS TARGETARCH\n`).ReplaceAllString(text, "")
		stages[i] = regexp.MustCompile(`(?m)^COPY .* `).ReplaceAllString(text, "COPY ")
	}
	if stages[0] != stages[1] {
		t.Errorf("they differ:\n%s\n\n%s", stages[0], stages[1])
	}
}

func TestImage_BuildIsReproducible(t *testing.T) {
	for _, name := range []string{"docker/Dockerfile", "tools/scripts/image.sh", "tools/scripts/image-check.sh"} {
		text := read(t, name)
		for _, flag := range []string{"CGO_ENABLED=0", `go build -buildvcs=true -trimpath -ldflags "-s -w -buildid="`} {
			if !strings.Contains(text, flag) {
				t.Errorf("%s builds without %s", name, flag)
			}
		}
	}
}

func TestImage_CopySourcesExist(t *testing.T) {
	copies := regexp.MustCompile(`(?m)^COPY (--from=\S+ )?(.*) \S+$`)
	for _, name := range dockerfiles {
		for _, found := range copies.FindAllStringSubmatch(read(t, name), -1) {
			for source := range strings.FieldsSeq(found[2]) {
				switch {
				case found[1] == "--from=build " && (source == "/codegenapp" && strings.Contains(read(t, name), "-o /codegenapp ") || source == "/etc/ssl/certs/ca-certificates.crt"):
				case found[1] != "":
					t.Errorf("%s copies %s from %s, where nothing makes it", name, source, found[1])
				case strings.HasSuffix(name, ".release"):
					laidOut(t, source)
				default:
					if _, err := os.Stat(filepath.Join(root, source)); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				}
			}
		}
	}
}

// laidOut asks whether image.sh puts a file where Dockerfile.release looks for it.
func laidOut(t *testing.T, source string) {
	t.Helper()
	script := read(t, "tools/scripts/image.sh")
	made := map[string]string{
		"ca-certificates.crt":                  "cp -L /etc/ssl/certs/ca-certificates.crt $context/",
		"${TARGETOS}/${TARGETARCH}/codegenapp": `-o "$context/linux/$arch/" ./cmd/codegenapp`,
	}[source]
	if made == "" || !strings.Contains(script, made) {
		t.Errorf("Dockerfile.release copies %s, which image.sh does not lay out", source)
	}
}

// TestImage_BuildContextHasAllTrackedFiles: a missing file would stamp the program as changed.
func TestImage_BuildContextHasAllTrackedFiles(t *testing.T) {
	ignored := strings.Fields(regexp.MustCompile(`(?m)^#.*$`).ReplaceAllString(read(t, ".gitignore"), ""))
	for pattern := range strings.FieldsSeq(regexp.MustCompile(`(?m)^#.*$`).ReplaceAllString(read(t, ".dockerignore"), "")) {
		// Docker's patterns begin at the root, git's anywhere.
		if !slices.Contains(ignored, pattern) && !slices.Contains(ignored, strings.TrimPrefix(pattern, "**/")) {
			t.Errorf(".dockerignore has %s, .gitignore does not", pattern)
		}
	}
}
