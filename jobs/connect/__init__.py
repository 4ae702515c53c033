"""What a job does where its session is a server's: settings that may be refused, files without a JVM."""
