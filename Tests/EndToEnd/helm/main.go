// Renders a chart's templates as Helm does: Go's text/template, with those of its functions that our charts use.
// In: {"templates": {NAME: TEXT}, "values": {…}, "release": {…}, "chart": {…}}. Out: {NAME: TEXT}.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"reflect"
	"text/template"
)

type chart struct {
	Templates map[string]string
	Values    map[string]interface{}
	Release   map[string]interface{}
	Chart     map[string]interface{}
}

func main() {
	var in chart
	decoder := json.NewDecoder(os.Stdin)
	decoder.UseNumber()
	fail(decoder.Decode(&in))
	base := in.Chart["Name"].(string) + "/templates"
	set := template.New("chart").Option("missingkey=error")
	data := map[string]interface{}{
		"Values": in.Values, "Release": in.Release, "Chart": in.Chart, "Template": map[string]interface{}{"BasePath": base},
	}
	render := func(name string) (string, error) {
		var out bytes.Buffer
		err := set.ExecuteTemplate(&out, name, data)
		return out.String(), err
	}
	set.Funcs(template.FuncMap{
		"toJson": func(value interface{}) (string, error) {
			text, err := json.Marshal(value)
			return string(text), err
		},
		"kindIs": func(kind string, value interface{}) bool {
			return kind == reflect.ValueOf(value).Kind().String()
		},
		"include":   func(name string, _ interface{}) (string, error) { return render(name) },
		"sha256sum": func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) },
	})
	for name, text := range in.Templates {
		_, err := set.New(path.Join(base, name)).Parse(text)
		fail(err)
	}
	out := map[string]string{}
	for name := range in.Templates {
		text, err := render(path.Join(base, name))
		fail(err)
		out[name] = text
	}
	fail(json.NewEncoder(os.Stdout).Encode(out))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
