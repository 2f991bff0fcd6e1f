import com.google.protobuf.ByteString;
import com.render.v1.DownloadVideoRequest;
import com.render.v1.DownloadVideoResponse;
import com.render.v1.Job;
import com.render.v1.JobEvent;
import com.render.v1.JobStatus;
import com.render.v1.Project;
import com.render.v1.RenderServiceGrpc;
import com.render.v1.RenderServiceGrpc.RenderServiceBlockingStub;
import com.render.v1.Shot;
import com.render.v1.StartRenderRequest;
import com.render.v1.Storyboard;
import com.render.v1.WatchProgressRequest;
import com.render.v1.WatchProgressResponse;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/**
 * Renders a project with the Java stubs: starts a job, watches it to its end, and downloads the video.
 *
 * <pre>java Example TARGET FOLDER</pre>
 *
 * RENDER_TOKEN and RENDER_WORKSPACE are read from the environment. The connection is plaintext, as to `make dev`. A program
 * that must survive restarts of the service also resumes the watch with after_sequence, as `clients/go/example` does.
 */
final class Example {
  public static void main(String[] arguments) throws Exception {
    String workspace = System.getenv("RENDER_WORKSPACE");
    Metadata headers = new Metadata();
    headers.put(
        Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER),
        "Bearer " + System.getenv("RENDER_TOKEN"));
    ManagedChannel channel =
        ManagedChannelBuilder.forTarget(arguments[0])
            .usePlaintext()
            .keepAliveTime(20, TimeUnit.SECONDS)
            .intercept(MetadataUtils.newAttachHeadersInterceptor(headers))
            .build();
    try {
      RenderServiceBlockingStub service = RenderServiceGrpc.newBlockingStub(channel);
      Shot shot = Shot.newBuilder().setVisualDescription("Hello from Java").build();
      Project project =
          Project.newBuilder().setTitle("Sea").setStoryboard(Storyboard.newBuilder().addShots(shot)).build();
      StartRenderRequest start =
          StartRenderRequest.newBuilder()
              .setWorkspaceId(workspace)
              .setProject(project)
              .setRequestId(UUID.randomUUID().toString())
              .build();
      Job job = service.withDeadlineAfter(10, TimeUnit.SECONDS).startRender(start).getJob();
      JobEvent last = watch(service, workspace, job.getJobId());
      if (last.getStatus() != JobStatus.JOB_STATUS_COMPLETED) {
        throw new IllegalStateException("job " + job.getJobId() + ": " + last.getErrorMessage());
      }
      Path path = Path.of(arguments[1], "java.mp4");
      download(service, workspace, job.getJobId(), path);
      System.out.println(path + ": right");
    } finally {
      channel.shutdownNow();
    }
  }

  /** Returns the terminal event. */
  private static JobEvent watch(RenderServiceBlockingStub service, String workspace, String jobId) {
    Iterator<WatchProgressResponse> responses =
        service.watchProgress(
            WatchProgressRequest.newBuilder().setWorkspaceId(workspace).setJobId(jobId).build());
    JobEvent last = JobEvent.getDefaultInstance();
    while (responses.hasNext()) {
      WatchProgressResponse response = responses.next();
      // Heartbeats have no event.
      if (response.hasEvent()) {
        last = response.getEvent();
        System.out.printf("%3d %%  %s%n", last.getProgress(), last.getMessage());
      }
    }
    return last;
  }

  /** Writes the video, and compares it with the checksum in the first chunk. */
  private static void download(RenderServiceBlockingStub service, String workspace, String jobId, Path path)
      throws IOException, GeneralSecurityException {
    MessageDigest hash = MessageDigest.getInstance("SHA-256");
    String expected = "";
    Iterator<DownloadVideoResponse> pieces =
        service.downloadVideo(
            DownloadVideoRequest.newBuilder().setWorkspaceId(workspace).setJobId(jobId).build());
    try (OutputStream file = Files.newOutputStream(path)) {
      while (pieces.hasNext()) {
        DownloadVideoResponse piece = pieces.next();
        expected = piece.getSha256().isEmpty() ? expected : piece.getSha256();
        ByteString data = piece.getData();
        data.writeTo(file);
        hash.update(data.asReadOnlyByteBuffer());
      }
    }
    String found = HexFormat.of().formatHex(hash.digest());
    if (!found.equals(expected)) {
      throw new IOException(path + ": the checksum is " + found + " instead of " + expected);
    }
  }
}
