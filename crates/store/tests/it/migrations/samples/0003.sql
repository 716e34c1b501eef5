-- One that succeeded and is live, one that runs, and one that the provider never named; with all that hangs on them.
INSERT INTO deployments (id, application_id, provider, account, environment, provider_deployment_id, status, is_finished,
                         is_live, is_latest, superseded_by_id, rollback_of_id, created_at, finished_at, first_seen_at,
                         observed_at, observed_via, updated_at, version, tracked, body)
VALUES
    ('00000000-0000-7000-8000-0000000000d1', '00000000-0000-7000-8000-00000000000a', 'scalingo', 'main', 'production', 'dep-1',
     'succeeded', true, true, false, NULL, NULL, '2026-01-01 10:01Z', '2026-01-01 10:03Z', '2026-01-01 10:01:01Z',
     '2026-01-01 10:03Z', 'poll', '2026-01-01 10:03Z', 2,
     '{"state": {"status": "succeeded", "phase": null, "is_finished": true, "provider_status": "success",
                 "failure_reason": null, "failure_message": null, "authority": "rest"},
       "state_asked_at": "2026-01-01T10:03:00Z", "finished_at": "2026-01-01T10:03:00Z",
       "details": {"kind": "build", "trigger": {"kind": "push"}, "actor": {"name": "somebody", "email": "s@example.com"},
                   "git": {"ref": "main", "sha": "ABCDEF0123456789", "message": "Sell more cheese",
                           "committed_at": "2026-01-01T09:00:00Z"},
                   "created_at": "2026-01-01T10:01:00Z", "started_at": "2026-01-01T10:01:30Z"},
       "details_asked_at": "2026-01-01T10:03:00Z", "corrected_at": null, "cancel_requested_at": null}',
     '{"id":"00000000-0000-7000-8000-0000000000d1","version":2}'),
    ('00000000-0000-7000-8000-0000000000d2', '00000000-0000-7000-8000-00000000000a', 'scalingo', 'main', NULL, 'dep-2',
     'in_progress', false, NULL, true, NULL, NULL, '2026-01-02 10:01Z', NULL, '2026-01-02 10:01:01Z',
     '2026-01-02 10:03Z', 'stream', '2026-01-02 10:03Z', 1,
     '{"state": {"status": "in_progress", "phase": "build", "is_finished": false, "provider_status": "building",
                 "failure_reason": null, "failure_message": null, "authority": "stream"},
       "state_asked_at": "2026-01-02T10:03:00Z", "finished_at": null, "details": {},
       "details_asked_at": "2026-01-02T10:03:00Z", "corrected_at": null, "cancel_requested_at": null}',
     '{"id":"00000000-0000-7000-8000-0000000000d2","version":1}'),
    ('00000000-0000-7000-8000-0000000000d3', '00000000-0000-7000-8000-00000000000b', 'cloud66', 'other', NULL, NULL,
     'unknown', true, NULL, true, NULL, '00000000-0000-7000-8000-0000000000d1', '2026-01-03 10:01Z', NULL,
     '2026-01-03 10:01:01Z', '2026-01-03 10:03Z', 'write', '2026-01-03 10:03Z', 1,
     '{"state": {"status": "unknown", "phase": null, "is_finished": true, "provider_status": null,
                 "failure_reason": "outcome_unknown", "failure_message": null, "authority": "rest"},
       "state_asked_at": "2026-01-03T10:03:00Z", "finished_at": null, "details": {},
       "details_asked_at": "2026-01-03T10:03:00Z", "corrected_at": "2026-01-03T10:03:00Z", "cancel_requested_at": null}',
     '{"id":"00000000-0000-7000-8000-0000000000d3","version":1}');
INSERT INTO transitions (deployment_id, version, status, previous_status, phase, provider_status, failure_reason, occurred_at,
                         recorded_at, observed_via, is_correction)
VALUES
    ('00000000-0000-7000-8000-0000000000d1', 1, 'in_progress', NULL, 'build', 'building', NULL, NULL, '2026-01-01 10:01Z',
     'poll', false),
    ('00000000-0000-7000-8000-0000000000d1', 2, 'succeeded', 'in_progress', NULL, 'success', NULL, '2026-01-01 10:03Z',
     '2026-01-01 10:03Z', 'poll', true);
INSERT INTO deployment_payloads VALUES ('00000000-0000-7000-8000-0000000000d1', '{"id": "dep-1"}', '2026-01-01 10:03Z');
INSERT INTO unmapped_statuses VALUES ('scalingo', 'frozen', 7, '2026-01-01Z', '2026-01-02Z');
