"""What PostgreSQL keeps."""
