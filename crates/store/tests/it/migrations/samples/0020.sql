UPDATE stream_tickets SET session_hash = '\x03';
