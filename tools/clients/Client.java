import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** Sends a file with a Java client and writes the answer: java Client.java CLIENT URL FILE OUT. Fails unless the status is 200. */
class Client {
    public static void main(String[] args) throws Exception {
        URI uri = URI.create(args[1]);
        Path file = Path.of(args[2]), out = Path.of(args[3]);
        int status;
        if (args[0].equals("HttpClient")) {
            HttpRequest request = HttpRequest.newBuilder(uri).version(HttpClient.Version.HTTP_1_1).POST(HttpRequest.BodyPublishers.ofFile(file)).build();
            status = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofFile(out)).statusCode();
        } else {
            HttpURLConnection connection = (HttpURLConnection) uri.toURL().openConnection();
            connection.setDoOutput(true);
            connection.setRequestMethod("POST");
            connection.setFixedLengthStreamingMode(Files.size(file));
            try (var body = connection.getOutputStream()) {
                Files.copy(file, body);
            }
            status = connection.getResponseCode();
            try (InputStream answer = connection.getInputStream()) {
                Files.copy(answer, out, StandardCopyOption.REPLACE_EXISTING);
            }
        }
        if (status != 200) throw new IllegalStateException("status " + status);
    }
}
