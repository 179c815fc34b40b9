-- Goal: an incident starts the right clocks, at the right moments, and shows what is missing.
-- Method: fixed moments of discovery, the site's time zone and the calendar; what depends on the time
-- of the test is compared, not shown.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION hipaa_guard;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = iso;

-- Federal holidays, with those that move off week-ends: 2022-01-01 was a Saturday, so 2021-12-31.
SELECT * FROM hipaa_guard.us_federal_holidays(2026);
SELECT day FROM hipaa_guard.us_federal_holidays(2021) WHERE extract(month FROM day) = 12;
SELECT min(day), count(*) FROM hipaa_guard.us_federal_holidays(2022);
SELECT count(*) FROM hipaa_guard.us_federal_holidays(NULL);
SELECT day, hipaa_guard.is_business_day(day) FROM unnest(ARRAY['2026-11-25', '2026-11-26', '2026-11-28', NULL]::date[]) AS day;

-- Five business days from a Friday before Thanksgiving, in the site's zone; from a week-end; with a site's holiday.
SELECT hipaa_guard.set_site('time_zone', 'America/New_York') > 0;
SELECT hipaa_guard.after_business_days('2026-11-20 15:00+00', 5), hipaa_guard.after_business_days('2026-11-21 23:00+00', 5);
SELECT hipaa_guard.add_holiday('2026-11-27', 'Day after Thanksgiving') > 0;
SELECT hipaa_guard.after_business_days('2026-11-20 15:00+00', 5);
SELECT hipaa_guard.after_business_days('infinity', 5);
SELECT hipaa_guard.after_business_days('2026-11-20', 2147483647);
-- The time of day stays across the change to standard time on 2026-11-01.
SELECT hipaa_guard.after_days('2026-10-15 12:00+00', 30);
SELECT hipaa_guard.set_site('time_zone', 'Mars/Olympus');
SELECT hipaa_guard.set_site('colour', 'blue');
SELECT hipaa_guard.add_holiday(NULL, 'x');

-- Clocks by size and state.
SELECT hipaa_guard.report_incident('access', 'a laptop was stolen', '2025-03-03 12:00+00', true, 501) AS over_500,
       hipaa_guard.report_incident('Disclosure', 'a letter went astray', '2025-03-03 12:00+00', true, 500) AS at_500;
SELECT hipaa_guard.report_incident('use', 'a curious employee', '2025-03-03 12:00+00', true, 499) AS under_500,
       hipaa_guard.report_incident('acquisition', 'an encrypted disk is gone', '2025-03-03 12:00+00', false, 9000) AS secured,
       hipaa_guard.report_incident('access', 'nobody was affected', '2025-03-03 12:00+00', true, 0) AS nobody,
       hipaa_guard.report_incident('ransomware', 'not known yet', '2025-03-03 12:00+00') AS unknown;
SELECT incident, clock, CASE WHEN clock <> 'immediate' THEN due_at END AS due_at, met_at IS NOT NULL AS met, overdue, late, basis
  FROM hipaa_guard.incident_deadlines ORDER BY incident, clock COLLATE "C";
SELECT incident, kind, unsecured, individuals FROM hipaa_guard.incidents ORDER BY incident;
SELECT status, findings FROM hipaa_guard.posture() WHERE id = 'HIP-07';

-- What becomes known changes the clocks; a notice meets its own.
SELECT hipaa_guard.update_incident(6, 3, NULL) > 0;
SELECT string_agg(clock, ', ' ORDER BY clock COLLATE "C") FROM hipaa_guard.incident_deadlines WHERE incident = 6;
SELECT hipaa_guard.record_notice(6, 'vendor_incident', 'the customer', 'e-mail', '2025-03-04 12:00+00'),
       hipaa_guard.record_notice(6, 'individual', 'three persons', 'letter', '2025-09-01 12:00+00');
SELECT clock, met_at, overdue, late FROM hipaa_guard.incident_deadlines
 WHERE incident = 6 AND clock IN ('vendor_incident', 'individual') ORDER BY clock COLLATE "C";
SELECT hipaa_guard.assess_incident(6, 'dates of visits', 'another clinic', 'not opened', 'returned', true, 'Privacy office') > 0;
SELECT string_agg(clock, ', ' ORDER BY clock COLLATE "C") FROM hipaa_guard.incident_deadlines WHERE incident = 6;
SELECT hipaa_guard.delay_incident(1, '2025-12-01', 'letter of the agency, file 7') > 0;
SELECT clock, due_at FROM hipaa_guard.incident_deadlines WHERE incident = 1 AND clock IN ('individual', 'vendor_breach')
 ORDER BY clock COLLATE "C";

-- Actions, the report, the end.
SELECT hipaa_guard.record_action(1, 'encrypt every laptop', 'IT', '2025-04-01 12:00+00'),
       hipaa_guard.record_action(1, 'train', 'HR', '2025-05-01');
SELECT hipaa_guard.complete_action(1, '2025-03-20 12:00+00') > 0;
SELECT action, incident, what, owner, due_at, done_at, overdue FROM hipaa_guard.incident_actions ORDER BY action;
SELECT hipaa_guard.incident_report(1, true);
SELECT hipaa_guard.describe_incident(1, 'occurred_on', 'between 1 and 3 March 2025') > 0,
       hipaa_guard.describe_incident(1, 'what_happened', 'A laptop with an unencrypted export was stolen from a car.') > 0,
       hipaa_guard.describe_incident(1, 'phi_types', 'names, dates of birth, diagnoses') > 0,
       hipaa_guard.describe_incident(1, 'protective_steps', 'Watch statements of the health plan.') > 0,
       hipaa_guard.describe_incident(1, 'response', 'Police report; all laptops are encrypted now.') > 0,
       hipaa_guard.describe_incident(1, 'contact_procedures', 'Toll-free number of the privacy office') > 0;
SELECT regexp_replace(hipaa_guard.incident_report(1, true), 'reported \S+ \S+ by \S+|\| immediate.*?\|\n', '...', 'g');
SELECT hipaa_guard.close_incident(1, 'all notices sent') > 0;
SELECT hipaa_guard.update_incident(1, 4);
SELECT count(*) FROM hipaa_guard.ledger WHERE kind = 'incident' AND key = '1';

-- Odd input.
SELECT hipaa_guard.report_incident(NULL, 'x');
SELECT hipaa_guard.report_incident('access', '');
SELECT hipaa_guard.report_incident('<script>', 'x');
SELECT hipaa_guard.report_incident('access', 'x', 'infinity');
SELECT hipaa_guard.report_incident('access', 'x', now() + interval '1 day');
SELECT hipaa_guard.report_incident('access', 'x', now(), true, -1);
SELECT hipaa_guard.report_incident('access', repeat('x', 10001));
SELECT hipaa_guard.update_incident(99, 1);
SELECT hipaa_guard.update_incident(NULL, 1);
SELECT hipaa_guard.describe_incident(2, 'weather', 'x');
SELECT hipaa_guard.record_notice(2, 'pigeon', 'x', 'y');
SELECT hipaa_guard.record_notice(99, 'media', 'x', 'y');
SELECT hipaa_guard.record_action(2, 'x', 'y', NULL);
SELECT hipaa_guard.complete_action(99);
SELECT hipaa_guard.incident_report(99);

-- PHI in prose is kept, with a warning that does not repeat it; a number is not lost by a rollback.
SELECT hipaa_guard.report_incident('access', 'SSN 536-22-8714 was read by 212-555-0187', now(), true, 1);
SELECT hipaa_guard.report_incident('access', 'It''s "odd"; -- \ %s $1', now(), true, 1);
BEGIN;
SELECT hipaa_guard.report_incident('access', 'taken back');
ROLLBACK;
SELECT hipaa_guard.report_incident('access', 'the next one');

-- Any role may report, and learn whom to call; no other function is open.
CREATE ROLE regress_nurse;
SELECT hipaa_guard.record_contact('incident', 'Security team', 'security@example.com', NULL) > 0;
SET ROLE regress_nurse;
SELECT hipaa_guard.report_incident('access', 'a screen was left open');
SELECT purpose, name, email FROM hipaa_guard.contacts;
SELECT * FROM hipaa_guard.incidents;
SELECT hipaa_guard.close_incident(1, 'x');
RESET ROLE;
SELECT reported_by = session_user AS by_session_user FROM hipaa_guard.incidents ORDER BY incident DESC LIMIT 1;
SELECT ok, problem FROM hipaa_guard.ledger_verify();
DROP ROLE regress_nurse;
