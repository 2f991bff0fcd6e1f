// Command example renders a project with the Go stubs: it starts a job, watches it to its end, and downloads the video.
//
//	example TARGET FOLDER
//
// RENDER_TOKEN and RENDER_WORKSPACE are read from the environment. The connection is plaintext, as to `make dev`.
package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	renderv1 "example.com/render/v1"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, describe(err))
		os.Exit(1)
	}
}

func run(target, folder string) error {
	// Newer versions of grpc-go have grpc.NewClient and insecure.NewCredentials for the same.
	connection, err := grpc.Dial(target, grpc.WithInsecure(),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 20 * time.Second, Timeout: 10 * time.Second}))
	if err != nil {
		return err
	}
	defer connection.Close()
	workspace := os.Getenv("RENDER_WORKSPACE")
	ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+os.Getenv("RENDER_TOKEN"))
	service := renderv1.NewRenderServiceClient(connection)

	job, err := start(ctx, service, &renderv1.StartRenderRequest{
		WorkspaceId: workspace,
		Source: &renderv1.StartRenderRequest_Project{Project: &renderv1.Project{
			Title:      "Sea",
			Storyboard: &renderv1.Storyboard{Shots: []*renderv1.Shot{{VisualDescription: "Hello from Go"}}},
		}},
	})
	if err != nil {
		return err
	}
	last, err := watch(ctx, service, workspace, job.JobId)
	if err != nil {
		return err
	}
	if last.Status != renderv1.JobStatus_JOB_STATUS_COMPLETED {
		return fmt.Errorf("job %s is %s: %s", job.JobId, last.Status, last.ErrorMessage)
	}
	return download(ctx, service, workspace, job.JobId, filepath.Join(folder, "go.mp4"))
}

// start sends one request_id on all attempts, so that a retry never starts a second job.
func start(ctx context.Context, service renderv1.RenderServiceClient, request *renderv1.StartRenderRequest) (*renderv1.Job, error) {
	request.RequestId = newUUID()
	for attempt := 0; ; attempt++ {
		limited, cancel := context.WithTimeout(ctx, 10*time.Second)
		response, err := service.StartRender(limited, request)
		cancel()
		if err == nil {
			return response.Job, nil
		}
		if status.Code(err) != codes.Unavailable || attempt == 4 {
			return nil, err
		}
		time.Sleep(time.Second << attempt)
	}
}

// watch returns the terminal event; it resumes after the last sequence when the stream breaks.
func watch(ctx context.Context, service renderv1.RenderServiceClient, workspace, jobID string) (*renderv1.JobEvent, error) {
	request := &renderv1.WatchProgressRequest{WorkspaceId: workspace, JobId: jobID}
	var last *renderv1.JobEvent
	for failures := 0; ; failures++ {
		stream, err := service.WatchProgress(ctx, request)
		for err == nil {
			var response *renderv1.WatchProgressResponse
			if response, err = stream.Recv(); err != nil {
				break
			}
			failures = 0
			// Heartbeats have no event.
			if event := response.GetEvent(); event != nil && (last == nil || event.Sequence > last.Sequence) {
				last, request.AfterSequence = event, &event.Sequence
				fmt.Printf("%3d %%  %s\n", event.Progress, event.Message)
			}
		}
		if errors.Is(err, io.EOF) {
			return last, nil
		}
		if status.Code(err) != codes.Unavailable || failures == 4 {
			return nil, err
		}
		time.Sleep(time.Second << failures)
	}
}

// download writes the video, and compares it with the checksum in the first chunk.
func download(ctx context.Context, service renderv1.RenderServiceClient, workspace, jobID, path string) error {
	stream, err := service.DownloadVideo(ctx, &renderv1.DownloadVideoRequest{WorkspaceId: workspace, JobId: jobID})
	if err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	hash, expected := sha256.New(), ""
	for {
		piece, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if piece.Sha256 != "" {
			expected = piece.Sha256
		}
		if _, err := io.MultiWriter(file, hash).Write(piece.Data); err != nil {
			return err
		}
	}
	if found := fmt.Sprintf("%x", hash.Sum(nil)); found != expected {
		return fmt.Errorf("%s: the checksum is %s instead of %s", path, found, expected)
	}
	fmt.Printf("%s: right\n", path)
	return file.Close()
}

// describe adds the reason that the service gave to an error.
func describe(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return fmt.Sprintf("%v (%s %v)", err, info.Reason, info.Metadata)
		}
	}
	return err.Error()
}

func newUUID() string {
	var value [16]byte
	if _, err := rand.Read(value[:]); err != nil {
		panic(err)
	}
	value[6], value[8] = value[6]&0x0f|0x40, value[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", value[:4], value[4:6], value[6:8], value[8:10], value[10:])
}
