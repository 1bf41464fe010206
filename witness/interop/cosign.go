// cosign: C2SP cosignature/v1 and tlog-proof by code that is not ours: Go's golang.org/x/mod/sumdb/note
// and sumdb/tlog; the cosignature's own few lines are written from the specification.
//
//	cosign vkey TYPE NAME SEED                       the verifier key (TYPE 1: a log, 4: a witness)
//	cosign sign NAME SEED TIME < TEXT                a cosignature line
//	cosign checkpoint NAME SEED SIZE ROOT64          a log's checkpoint
//	cosign open LOG_VKEY WITNESS_VKEY... < NOTE      exit 0 when all of them signed
//	cosign prove NAME SEED SIZE INDEX LEAF_PREFIX    a .tlog-proof over leaves PREFIX0, PREFIX1, ...
//	cosign proved LOG_VKEY WITNESS_VKEY... < PROOF   exit 0 when it holds; prints the leaf's SHA-256
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func die(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "cosign:", err)
		os.Exit(1)
	}
}

func key(seed string) ed25519.PrivateKey {
	raw, err := hex.DecodeString(seed)
	die(err)
	return ed25519.NewKeyFromSeed(raw)
}

func keyHash(name string, kind byte, pub []byte) uint32 {
	h := sha256.Sum256(append([]byte(name+"\n"), append([]byte{kind}, pub...)...))
	return binary.BigEndian.Uint32(h[:])
}

func vkey(kind byte, name string, pub []byte) string {
	return fmt.Sprintf("%s+%08x+%s", name, keyHash(name, kind, pub),
		base64.StdEncoding.EncodeToString(append([]byte{kind}, pub...)))
}

func message(t uint64, text []byte) []byte {
	return append([]byte(fmt.Sprintf("cosignature/v1\ntime %d\n", t)), text...)
}

// signer of a log's note, type 0x01: sumdb/note's own.
func logSigner(name, seed string) note.Signer {
	raw, err := hex.DecodeString(seed)
	die(err)
	pub := key(seed).Public().(ed25519.PublicKey)
	s, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, keyHash(name, 1, pub),
		base64.StdEncoding.EncodeToString(append([]byte{1}, raw...))))
	die(err)
	return s
}

// witness verifies type 0x04.
type witness struct {
	name string
	hash uint32
	pub  ed25519.PublicKey
}

func (w witness) Name() string    { return w.name }
func (w witness) KeyHash() uint32 { return w.hash }
func (w witness) Verify(text, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	t := binary.BigEndian.Uint64(sig)
	return t <= 1<<63-1 && ed25519.Verify(w.pub, message(t, text), sig[8:])
}

func newWitness(text string) note.Verifier {
	parts := strings.SplitN(text, "+", 3)
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	die(err)
	if len(raw) != 33 || raw[0] != 4 {
		die(fmt.Errorf("%s: no key of a witness", text))
	}
	w := witness{parts[0], keyHash(parts[0], 4, raw[1:]), raw[1:]}
	if fmt.Sprintf("%08x", w.hash) != parts[1] {
		die(fmt.Errorf("%s: wrong key id", text))
	}
	return w
}

// open wants the log's signature and that of each witness.
func open(signed []byte, vkeys []string) *note.Note {
	log, err := note.NewVerifier(vkeys[0])
	die(err)
	list := []note.Verifier{log}
	for _, v := range vkeys[1:] {
		list = append(list, newWitness(v))
	}
	n, err := note.Open(signed, note.VerifierList(list...))
	die(err)
	if len(n.Sigs) != len(list) {
		die(fmt.Errorf("%d of %d signed", len(n.Sigs), len(list)))
	}
	return n
}

// all hashes of a log, in memory.
type hashes []tlog.Hash

func (h hashes) ReadHashes(at []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range at {
		out = append(out, h[i])
	}
	return out, nil
}

func checkpoint(name, seed string, size int64, root tlog.Hash) []byte {
	text := fmt.Sprintf("%s\n%d\n%s\n", name, size, root)
	signed, err := note.Sign(&note.Note{Text: text}, logSigner(name, seed))
	die(err)
	return signed
}

func prove(name, seed string, size, index int64, prefix string) {
	var all hashes
	for i := int64(0); i < size; i++ {
		more, err := tlog.StoredHashes(i, []byte(prefix+strconv.FormatInt(i, 10)), all)
		die(err)
		all = append(all, more...)
	}
	root, err := tlog.TreeHash(size, all)
	die(err)
	proof, err := tlog.ProveRecord(size, index, all)
	die(err)
	leaf := prefix + strconv.FormatInt(index, 10)
	fmt.Printf("c2sp.org/tlog-proof@v1\nextra %s\nindex %d\n", base64.StdEncoding.EncodeToString([]byte(leaf)), index)
	for _, h := range proof {
		fmt.Println(h)
	}
	fmt.Printf("\n%s", checkpoint(name, seed, size, root))
}

func proved(all []byte, vkeys []string) {
	cut := bytes.Index(all, []byte("\n\n"))
	lines := strings.Split(string(all[:cut]), "\n")
	if lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "extra ") {
		die(fmt.Errorf("no proof with a record"))
	}
	leaf, err := base64.StdEncoding.DecodeString(lines[1][6:])
	die(err)
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	die(err)
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		h, err := tlog.ParseHash(line)
		die(err)
		proof = append(proof, h)
	}
	n := open(all[cut+2:], vkeys)
	text := strings.Split(n.Text, "\n")
	size, err := strconv.ParseInt(text[1], 10, 64)
	die(err)
	root, err := tlog.ParseHash(text[2])
	die(err)
	die(tlog.CheckRecord(proof, size, root, index, tlog.RecordHash(leaf)))
	fmt.Printf("%d %x\n", index, sha256.Sum256(leaf))
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	die(err)
	return n
}

func main() {
	arg := os.Args[2:]
	switch os.Args[1] {
	case "vkey":
		fmt.Println(vkey(byte(number(arg[0])), arg[1], key(arg[2]).Public().(ed25519.PublicKey)))
	case "sign":
		text, err := io.ReadAll(os.Stdin)
		die(err)
		k, t := key(arg[1]), uint64(number(arg[2]))
		sig := make([]byte, 12)
		binary.BigEndian.PutUint32(sig, keyHash(arg[0], 4, k.Public().(ed25519.PublicKey)))
		binary.BigEndian.PutUint64(sig[4:], t)
		sig = append(sig, ed25519.Sign(k, message(t, text))...)
		fmt.Printf("— %s %s\n", arg[0], base64.StdEncoding.EncodeToString(sig))
	case "checkpoint":
		root, err := tlog.ParseHash(arg[3])
		die(err)
		os.Stdout.Write(checkpoint(arg[0], arg[1], number(arg[2]), root))
	case "open":
		signed, err := io.ReadAll(os.Stdin)
		die(err)
		fmt.Print(open(signed, arg).Text)
	case "prove":
		prove(arg[0], arg[1], number(arg[2]), number(arg[3]), arg[4])
	case "proved":
		all, err := io.ReadAll(os.Stdin)
		die(err)
		proved(all, arg)
	default:
		die(fmt.Errorf("unknown word %s", os.Args[1]))
	}
}
