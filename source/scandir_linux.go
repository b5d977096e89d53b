package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// ScanDir reads a directory of the host, which root names or is a symbolic link to. Contents
// stay where they are; the tree needs root as it is until it is closed. Anything that cannot be
// read is an error that names its path.
func ScanDir(ctx context.Context, root string, o Options) (*Tree, error) {
	r, err := o.compile()
	if err != nil {
		return nil, err
	}
	fd, err := unix.Open(root, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: root, Err: err}
	}
	t := &Tree{store: &dirStore{fd: fd, root: root}}
	s := &scanner{t: t, rules: r, root: root, fd: fd, xattrAt: haveXattrAt(fd)}
	if err := s.run(ctx); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// haveXattrAt reports whether the kernel has listxattrat and getxattrat, and lets us use them.
func haveXattrAt(fd int) bool {
	var buf [1]byte
	_, err := listXattrAt(fd, []byte{0}, buf[:])
	return err == nil || !(errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM))
}

// scanner is one ScanDir. Workers take jobs from it, the latest first, so that few wait.
type scanner struct {
	t       *Tree
	rules   *rules
	root    string
	fd      int
	xattrAt bool

	mu     sync.Mutex // guards what follows, and growth of the tree's arrays
	wake   *sync.Cond
	jobs   []job
	busy   int // workers with a job
	failed bool
	links  []hostLink

	xattrs   xattrTable
	found    atomic.Int64
	progress sync.Mutex
}

// job is a directory to be read, or names of one that was, to be looked at.
type job struct {
	id   ID
	path string // below the root
	dir  *listing
	from int // range of names of dir
	to   int
}

// batch is how many names one job looks at: enough to make sharing a large directory worthwhile.
const batch = 2048

func (s *scanner) run(ctx context.Context) error {
	s.wake = sync.NewCond(&s.mu)
	defer context.AfterFunc(ctx, s.stop)()
	s.t.nodes.grow(1)

	first := s.newWorker()
	if err := first.scanRoot(); err != nil {
		return err
	}
	s.jobs = []job{{id: 0, path: ""}}
	var g errgroup.Group
	for i := range max(2, runtime.GOMAXPROCS(0)) {
		w := first
		if i > 0 {
			w = s.newWorker()
		}
		g.Go(func() error {
			defer w.names.flush()
			if err := w.work(); err != nil {
				s.stop()
				return err
			}
			return nil
		})
	}
	err := g.Wait()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		for _, j := range s.jobs {
			j.dir.release()
		}
		return err
	}
	s.t.xattrs = s.xattrs.sets
	s.t.joinLinks(s.links)
	return nil
}

// stop makes workers end after their present job.
func (s *scanner) stop() {
	s.mu.Lock()
	s.failed = true
	s.mu.Unlock()
	s.wake.Broadcast()
}

// next waits for a job; not ok when there will be none.
func (s *scanner) next() (j job, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.failed && len(s.jobs) == 0 && s.busy > 0 {
		s.wake.Wait()
	}
	if s.failed || len(s.jobs) == 0 {
		return job{}, false
	}
	n := len(s.jobs) - 1
	j = s.jobs[n]
	s.jobs[n] = job{}
	s.jobs = s.jobs[:n]
	s.busy++
	return j, true
}

func (s *scanner) add(jobs []job) {
	if len(jobs) == 0 {
		return
	}
	s.mu.Lock()
	s.jobs = append(s.jobs, jobs...)
	s.mu.Unlock()
	s.wake.Broadcast()
}

func (s *scanner) done() {
	s.mu.Lock()
	s.busy--
	last := s.busy == 0
	s.mu.Unlock()
	if last {
		s.wake.Broadcast()
	}
}

// reserve makes room for n nodes and as many entries, next to one another, and for use by one
// goroutine without the lock.
func (s *scanner) reserve(n int) (nodes slabs[Node], node ID, entries slabs[entry], first int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if uint64(s.t.nodes.n)+uint64(n) >= uint64(unnumbered) {
		return nodes, 0, entries, 0, fmt.Errorf("the source has more than %d files", s.t.nodes.n)
	}
	node, first = ID(s.t.nodes.grow(n)), s.t.entries.grow(n)
	return s.t.nodes, node, s.t.entries, first, nil
}

// report counts n nodes more.
func (s *scanner) report(n int) {
	found := s.found.Add(int64(n))
	if s.rules.Progress != nil {
		s.progress.Lock()
		s.rules.Progress(int(found))
		s.progress.Unlock()
	}
}

// at adds the host's path of a file, given below the root, to an error; one that says that the
// file has just gone is a ChangedError.
func (s *scanner) at(path string, err error) error {
	path = filepath.Join(s.root, path)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESTALE) {
		return &ChangedError{Path: path, Detail: "it is gone"}
	}
	return fmt.Errorf("%s: %w", path, err)
}
