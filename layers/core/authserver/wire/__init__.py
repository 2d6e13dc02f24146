"""HttpRequest to message, message or error to HttpResponse. Knows HTTP and the RFCs' parameters, not API Gateway."""
