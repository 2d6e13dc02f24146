"""Who is told events: a module each, by the names of `EVENT_RECEIVERS`. `aws.publishing` says what a receiver is."""
