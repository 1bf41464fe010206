// ledger-interop DIR...: checks ledgers with code that is not ours: Go's golang.org/x/mod/sumdb/note
// (signed notes) and sumdb/tlog (RFC 6962 trees in tiles). For every record an inclusion proof made
// from the tiles is checked (beyond 600 records, some of them), and consistency proofs from sizes on
// the way. Prints one line a ledger; exit 1 at the first that does not hold.
//
//	-proofs N     inclusion proofs a ledger, about (600); consistency proofs: as many, 20 at most
//	-refuse DIR   this one must not hold, and its fault is told (may be given often)
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8 // C2SP tlog-tiles: 256 hashes a tile

// tiles reads the files of C2SP tlog-tiles: x/mod's path without its height element.
type tiles struct{ dir string }

func (t tiles) Height() int                         { return tileHeight }
func (t tiles) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (t tiles) ReadTiles(list []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, tile := range list {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(t.dir, path))
		if err != nil {
			return nil, err
		}
		out = append(out, data)
	}
	return out, nil
}

func checkpoint(dir string) (tlog.Tree, error) {
	var tree tlog.Tree
	vkey, err := os.ReadFile(filepath.Join(dir, "ledger.vkey"))
	if err != nil {
		return tree, err
	}
	verifier, err := note.NewVerifier(strings.TrimSuffix(string(vkey), "\n"))
	if err != nil {
		return tree, err
	}
	signed, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return tree, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		return tree, fmt.Errorf("checkpoint text %q", opened.Text)
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, err
	}
	hash, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(hash) != tlog.HashSize {
		return tree, fmt.Errorf("root %q", lines[2])
	}
	copy(tree.Hash[:], hash)
	return tree, nil
}

// unpacked bundles, by the hash of what they were unpacked from: ledgers of many sizes share them.
var known = map[[sha256.Size]byte][]byte{}

const (
	unpackAtOnce = 64   // bundles for one zstd: a process for each would take longer than all the rest
	knownMost    = 4096 // bundles
)

func bundlePath(dir string, number int64, width int) string {
	tile := tlog.Tile{H: tileHeight, L: 0, N: number, W: width}
	return filepath.Join(dir, strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1))
}

// split cuts width leaves off, each after its length in 16 bits, big-endian.
func split(data []byte, width int) (leaves [][]byte, rest []byte, err error) {
	for i := 0; i < width; i++ {
		if len(data) < 2 {
			return nil, nil, fmt.Errorf("leaf %d is missing", i)
		}
		n := 2 + int(binary.BigEndian.Uint16(data))
		if len(data) < n {
			return nil, nil, fmt.Errorf("leaf %d is cut", i)
		}
		leaves = append(leaves, data[2:n])
		data = data[n:]
	}
	return leaves, data, nil
}

// unpack has the zstd program (any will do) unpack this bundle and those packed ones behind it that are not known yet.
func unpack(dir string, number int64) error {
	var paths []string
	var hashes [][sha256.Size]byte
	for n := number; len(paths) < unpackAtOnce; n++ {
		path := bundlePath(dir, n, 1<<tileHeight) + ".zst"
		packed, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) && n > number {
			break
		}
		if err != nil {
			return err
		}
		hash := sha256.Sum256(packed)
		if _, ok := known[hash]; ok && n > number {
			break
		}
		paths, hashes = append(paths, path), append(hashes, hash)
	}
	data, err := exec.Command("zstd", append([]string{"-dcq", "--"}, paths...)...).Output()
	if err != nil {
		return fmt.Errorf("%s and %d behind it: zstd: %w", paths[0], len(paths)-1, err)
	}
	if len(known) > knownMost {
		known = map[[sha256.Size]byte][]byte{}
	}
	for i, path := range paths {
		_, rest, err := split(data, 1<<tileHeight)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		known[hashes[i]] = data[:len(data)-len(rest)]
		data = rest
	}
	if len(data) != 0 {
		return fmt.Errorf("%s: %d bytes left", paths[len(paths)-1], len(data))
	}
	return nil
}

// unpacked reads a packed bundle.
func unpacked(dir string, number int64) ([]byte, error) {
	packed, err := os.ReadFile(bundlePath(dir, number, 1<<tileHeight) + ".zst")
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256(packed)
	if data, ok := known[hash]; ok {
		return data, nil
	}
	if err := unpack(dir, number); err != nil {
		return nil, err
	}
	return known[hash], nil
}

// leaves of one entry bundle.
func leaves(dir string, number, size int64) ([][]byte, error) {
	width := int(min(size-number<<tileHeight, 1<<tileHeight))
	path := bundlePath(dir, number, width)
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) && width == 1<<tileHeight {
		data, err = unpacked(dir, number)
	}
	if err != nil {
		return nil, err
	}
	out, rest, err := split(data, width)
	if err == nil && len(rest) != 0 {
		err = fmt.Errorf("%d bytes left", len(rest))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return out, nil
}

// minimum is the index below which a ledger's records were removed (C2SP tlog-tiles, Pruning); 0 where none were.
func minimum(dir string) (int64, error) {
	text, err := os.ReadFile(filepath.Join(dir, "minimum-index"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSuffix(string(text), "\n"), 10, 64)
}

func min(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}

func check(dir string, proofs int64) (int64, error) {
	tree, err := checkpoint(dir)
	if err != nil {
		return 0, err
	}
	if tree.N == 0 { // tlog knows no empty tree; RFC 6962 2.1 does: the hash of nothing
		if tree.Hash != sha256.Sum256(nil) {
			return 0, errors.New("the empty tree has another root")
		}
		return 0, nil
	}
	reader := tlog.TileHashReader(tree, tiles{dir}) // authenticates every tile against the root
	first, err := minimum(dir)
	if err != nil {
		return 0, err
	}
	step := tree.N/proofs + 1
	for number := first >> tileHeight; number<<tileHeight < tree.N; number++ {
		bundle, err := leaves(dir, number, tree.N)
		if err != nil {
			return 0, err
		}
		indexes := make([]int64, len(bundle))
		for i := range bundle {
			indexes[i] = tlog.StoredHashIndex(0, number<<tileHeight+int64(i))
		}
		hashes, err := reader.ReadHashes(indexes)
		if err != nil {
			return 0, err
		}
		for i, leaf := range bundle {
			at := number<<tileHeight + int64(i)
			hash := tlog.RecordHash(leaf)
			if !bytes.Equal(hash[:], hashes[i][:]) {
				return 0, fmt.Errorf("record %d is not in its tile", at)
			}
			if at%step != 0 && at != tree.N-1 {
				continue
			}
			proof, err := tlog.ProveRecord(tree.N, at, reader)
			if err != nil {
				return 0, err
			}
			if err := tlog.CheckRecord(proof, tree.N, tree.Hash, at, hash); err != nil {
				return 0, err
			}
		}
	}
	olds := []int64{tree.N - 1, tree.N}
	for size := int64(1); size < tree.N-1; size += tree.N/min(proofs, 20) + 1 {
		olds = append(olds, size)
	}
	if first > 0 {
		olds = append(olds, first) // the root of what was removed
	}
	for _, size := range olds {
		if size == 0 || size < first {
			continue
		}
		old, err := tlog.TreeHash(size, reader)
		if err != nil {
			return 0, err
		}
		proof, err := tlog.ProveTree(tree.N, size, reader)
		if err != nil {
			return 0, err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, size, old); err != nil {
			return 0, err
		}
	}
	return tree.N, nil
}

// dirs collects the values of a flag that may be given often.
type dirs []string

func (d *dirs) String() string       { return strings.Join(*d, " ") }
func (d *dirs) Set(dir string) error { *d = append(*d, dir); return nil }

func main() {
	var refuse dirs
	proofs := flag.Int64("proofs", 600, "inclusion proofs a ledger")
	flag.Var(&refuse, "refuse", "a ledger that must not hold")
	flag.Parse()
	for _, dir := range flag.Args() {
		size, err := check(dir, *proofs)
		if err != nil {
			fmt.Printf("%s: %v\n", dir, err)
			os.Exit(1)
		}
		fmt.Printf("%s: %d records hold\n", dir, size)
	}
	for _, dir := range refuse {
		_, err := check(dir, *proofs)
		if err == nil || errors.Is(err, os.ErrNotExist) { // a file that is missing would prove nothing
			fmt.Printf("%s: was not refused: %v\n", dir, err)
			os.Exit(1)
		}
		fmt.Printf("%s: refused: %v\n", dir, err)
	}
}
