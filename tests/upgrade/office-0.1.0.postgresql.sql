SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.account_users (
    account_id integer NOT NULL,
    user_id integer NOT NULL
);
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.audit_entries (
    id bigint NOT NULL,
    at timestamp without time zone NOT NULL,
    user_id integer,
    user_name character varying(255) NOT NULL,
    action character varying(60) NOT NULL,
    object_type character varying(60) NOT NULL,
    object_id bigint,
    object_label character varying(255) NOT NULL,
    detail json NOT NULL,
    ip character varying(45) NOT NULL
);
CREATE SEQUENCE public.audit_entries_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.audit_entries_id_seq OWNED BY public.audit_entries.id;
CREATE TABLE public.campaign_attachments (
    id integer NOT NULL,
    campaign_id integer NOT NULL,
    file_id integer NOT NULL,
    content_id character varying(120) NOT NULL
);
CREATE SEQUENCE public.campaign_attachments_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.campaign_attachments_id_seq OWNED BY public.campaign_attachments.id;
CREATE TABLE public.campaign_counters (
    campaign_id integer NOT NULL,
    name character varying(40) NOT NULL,
    value integer NOT NULL
);
CREATE TABLE public.campaign_members (
    id bigint NOT NULL,
    campaign_id integer NOT NULL,
    client_id integer NOT NULL,
    list_status_id integer,
    outcome character varying(12) NOT NULL,
    by_hand boolean NOT NULL,
    added_at timestamp without time zone NOT NULL,
    changed_at timestamp without time zone NOT NULL
);
CREATE SEQUENCE public.campaign_members_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.campaign_members_id_seq OWNED BY public.campaign_members.id;
CREATE TABLE public.campaigns (
    id integer NOT NULL,
    name character varying(160) NOT NULL,
    notes text NOT NULL,
    state character varying(12) NOT NULL,
    account_id integer,
    from_email character varying(254) NOT NULL,
    from_name character varying(255) NOT NULL,
    reply_to character varying(254) NOT NULL,
    bcc character varying(254) NOT NULL,
    subject character varying(500) NOT NULL,
    body_format character varying(4) NOT NULL,
    body_html text NOT NULL,
    body_text text NOT NULL,
    delay_seconds double precision NOT NULL,
    use_email1 boolean NOT NULL,
    use_email2 boolean NOT NULL,
    use_email3 boolean NOT NULL,
    use_contacts boolean NOT NULL,
    track boolean NOT NULL,
    unsubscribe boolean NOT NULL,
    initial_status_id integer,
    scheduled_at timestamp without time zone,
    started_at timestamp without time zone,
    finished_at timestamp without time zone,
    created_at timestamp without time zone NOT NULL,
    created_by_id integer
);
CREATE SEQUENCE public.campaigns_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.campaigns_id_seq OWNED BY public.campaigns.id;
CREATE TABLE public.clients (
    id integer NOT NULL,
    code character varying(40),
    kind character varying(20) NOT NULL,
    active boolean NOT NULL,
    title character varying(40) NOT NULL,
    first_name character varying(120) NOT NULL,
    last_name character varying(120) NOT NULL,
    company_name character varying(200) NOT NULL,
    display_name character varying(255) NOT NULL,
    search_text text NOT NULL,
    tax_code character varying(20) NOT NULL,
    vat_number character varying(20) NOT NULL,
    birth_date date,
    birth_place character varying(120) NOT NULL,
    sex character varying(1) NOT NULL,
    profession character varying(120) NOT NULL,
    email1 character varying(254) NOT NULL,
    email2 character varying(254) NOT NULL,
    email3 character varying(254) NOT NULL,
    pec character varying(254) NOT NULL,
    website character varying(200) NOT NULL,
    phone character varying(40) NOT NULL,
    phone2 character varying(40) NOT NULL,
    mobile character varying(40) NOT NULL,
    fax character varying(40) NOT NULL,
    street character varying(200) NOT NULL,
    postcode character varying(12) NOT NULL,
    city character varying(120) NOT NULL,
    province character varying(60) NOT NULL,
    country character varying(60) NOT NULL,
    mail_street character varying(200) NOT NULL,
    mail_postcode character varying(12) NOT NULL,
    mail_city character varying(120) NOT NULL,
    mail_province character varying(60) NOT NULL,
    mail_country character varying(60) NOT NULL,
    notes text NOT NULL,
    created_at timestamp without time zone NOT NULL,
    updated_at timestamp without time zone NOT NULL
);
CREATE SEQUENCE public.clients_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.clients_id_seq OWNED BY public.clients.id;
CREATE TABLE public.contacts (
    id integer NOT NULL,
    client_id integer NOT NULL,
    first_name character varying(120) NOT NULL,
    last_name character varying(120) NOT NULL,
    "position" character varying(120) NOT NULL,
    email character varying(254) NOT NULL,
    phone character varying(40) NOT NULL,
    mobile character varying(40) NOT NULL,
    notes text NOT NULL,
    active boolean NOT NULL
);
CREATE SEQUENCE public.contacts_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.contacts_id_seq OWNED BY public.contacts.id;
CREATE TABLE public.hit_buckets (
    campaign_id integer NOT NULL,
    at timestamp without time zone NOT NULL,
    kind character varying(10) NOT NULL,
    value integer NOT NULL
);
CREATE TABLE public.hits (
    id bigint NOT NULL,
    at timestamp without time zone NOT NULL,
    kind character varying(10) NOT NULL,
    campaign_id integer,
    message_id bigint NOT NULL,
    link_id integer,
    method character varying(10) NOT NULL,
    ip character varying(45) NOT NULL,
    user_agent character varying(300) NOT NULL,
    machine character varying(30) NOT NULL
);
CREATE SEQUENCE public.hits_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.hits_id_seq OWNED BY public.hits.id;
CREATE TABLE public.job_runs (
    job character varying(60) NOT NULL,
    started_at timestamp without time zone,
    finished_at timestamp without time zone,
    runs integer NOT NULL,
    failures integer NOT NULL,
    last_error text NOT NULL,
    last_error_at timestamp without time zone
);
CREATE TABLE public.leases (
    name character varying(40) NOT NULL,
    holder character varying(120) NOT NULL,
    expires_at timestamp without time zone NOT NULL
);
CREATE TABLE public.link_counters (
    id integer NOT NULL,
    campaign_id integer NOT NULL,
    url character varying(2000) NOT NULL,
    requests integer NOT NULL,
    people integer NOT NULL,
    machines integer NOT NULL,
    last_at timestamp without time zone,
    last_client_id integer
);
CREATE SEQUENCE public.link_counters_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.link_counters_id_seq OWNED BY public.link_counters.id;
CREATE TABLE public.list_statuses (
    id integer NOT NULL,
    name character varying(80) NOT NULL,
    colour character varying(20) NOT NULL,
    "position" integer NOT NULL,
    active boolean NOT NULL
);
CREATE SEQUENCE public.list_statuses_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.list_statuses_id_seq OWNED BY public.list_statuses.id;
CREATE TABLE public.mailing_attachments (
    id integer NOT NULL,
    mailing_id integer NOT NULL,
    file_id integer NOT NULL,
    content_id character varying(120) NOT NULL
);
CREATE SEQUENCE public.mailing_attachments_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.mailing_attachments_id_seq OWNED BY public.mailing_attachments.id;
CREATE TABLE public.mailings (
    id integer NOT NULL,
    kind character varying(20) NOT NULL,
    campaign_id integer,
    account_id integer NOT NULL,
    author_id integer,
    state character varying(12) NOT NULL,
    priority integer NOT NULL,
    from_email character varying(254) NOT NULL,
    from_name character varying(255) NOT NULL,
    reply_to character varying(254) NOT NULL,
    bcc character varying(254) NOT NULL,
    subject character varying(500) NOT NULL,
    html text,
    text text,
    options json NOT NULL,
    delay_seconds double precision NOT NULL,
    last_delivery_at timestamp without time zone,
    created_at timestamp without time zone NOT NULL,
    finished_at timestamp without time zone
);
CREATE SEQUENCE public.mailings_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.mailings_id_seq OWNED BY public.mailings.id;
CREATE TABLE public.messages (
    id bigint NOT NULL,
    mailing_id integer NOT NULL,
    account_id integer NOT NULL,
    campaign_id integer,
    member_id bigint,
    client_id integer,
    recipient_key character varying(254) NOT NULL,
    to_address character varying(254) NOT NULL,
    to_name character varying(255) NOT NULL,
    source character varying(20) NOT NULL,
    message_id character varying(255) NOT NULL,
    merge_values json,
    state character varying(10) NOT NULL,
    reason character varying(40) NOT NULL,
    priority integer NOT NULL,
    due_at timestamp without time zone,
    worker character varying(60),
    attempts integer NOT NULL,
    attempted_at timestamp without time zone,
    sent_at timestamp without time zone,
    server_code integer,
    server_words text NOT NULL,
    size integer,
    opened_at timestamp without time zone,
    clicked_at timestamp without time zone,
    removed_at timestamp without time zone,
    opens integer NOT NULL,
    clicks integer NOT NULL,
    machine_hits integer NOT NULL,
    created_at timestamp without time zone NOT NULL
);
CREATE SEQUENCE public.messages_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.messages_id_seq OWNED BY public.messages.id;
CREATE TABLE public.office_settings (
    name character varying(60) NOT NULL,
    value json NOT NULL
);
CREATE TABLE public.outcome_statuses (
    campaign_id integer NOT NULL,
    outcome character varying(12) NOT NULL,
    list_status_id integer NOT NULL
);
CREATE TABLE public.practice_mails (
    id integer NOT NULL,
    received_at timestamp without time zone NOT NULL,
    mail_from character varying(320) NOT NULL,
    rcpt_to json NOT NULL,
    subject character varying(500) NOT NULL,
    size integer NOT NULL,
    raw bytea NOT NULL
);
CREATE SEQUENCE public.practice_mails_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.practice_mails_id_seq OWNED BY public.practice_mails.id;
CREATE TABLE public.saved_filters (
    id integer NOT NULL,
    module character varying(40) NOT NULL,
    name character varying(120) NOT NULL,
    owner_id integer NOT NULL,
    shared boolean NOT NULL,
    query json NOT NULL,
    created_at timestamp without time zone NOT NULL
);
CREATE SEQUENCE public.saved_filters_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.saved_filters_id_seq OWNED BY public.saved_filters.id;
CREATE TABLE public.smtp_accounts (
    id integer NOT NULL,
    name character varying(120) NOT NULL,
    provider character varying(40) NOT NULL,
    host character varying(255) NOT NULL,
    port integer NOT NULL,
    security character varying(10) NOT NULL,
    username character varying(255) NOT NULL,
    password_sealed text,
    from_email character varying(254) NOT NULL,
    from_name character varying(255) NOT NULL,
    reply_to character varying(254) NOT NULL,
    connections integer NOT NULL,
    limits json NOT NULL,
    active boolean NOT NULL,
    practice boolean NOT NULL,
    stopped_at timestamp without time zone,
    stopped_reason text NOT NULL,
    retry_at timestamp without time zone,
    last_error text NOT NULL,
    last_error_at timestamp without time zone,
    tested_at timestamp without time zone,
    test_ok boolean,
    test_words text NOT NULL,
    created_at timestamp without time zone NOT NULL
);
CREATE SEQUENCE public.smtp_accounts_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.smtp_accounts_id_seq OWNED BY public.smtp_accounts.id;
CREATE TABLE public.stored_files (
    id integer NOT NULL,
    sha256 character varying(64) NOT NULL,
    name character varying(255) NOT NULL,
    content_type character varying(127) NOT NULL,
    size integer NOT NULL,
    owner_id integer,
    created_at timestamp without time zone NOT NULL
);
CREATE SEQUENCE public.stored_files_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.stored_files_id_seq OWNED BY public.stored_files.id;
CREATE TABLE public.suppressions (
    id integer NOT NULL,
    address character varying(254) NOT NULL,
    reason character varying(20) NOT NULL,
    message_id bigint,
    note character varying(255) NOT NULL,
    created_at timestamp without time zone NOT NULL
);
CREATE SEQUENCE public.suppressions_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.suppressions_id_seq OWNED BY public.suppressions.id;
CREATE TABLE public.tasks (
    id integer NOT NULL,
    kind character varying(40) NOT NULL,
    owner_id integer,
    state character varying(10) NOT NULL,
    title character varying(255) NOT NULL,
    params json NOT NULL,
    result json NOT NULL,
    error text NOT NULL,
    done integer NOT NULL,
    total integer NOT NULL,
    cancel_requested boolean NOT NULL,
    file_id integer,
    created_at timestamp without time zone NOT NULL,
    started_at timestamp without time zone,
    finished_at timestamp without time zone,
    beat_at timestamp without time zone
);
CREATE SEQUENCE public.tasks_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.tasks_id_seq OWNED BY public.tasks.id;
CREATE TABLE public.tracked_links (
    id integer NOT NULL,
    mailing_id integer NOT NULL,
    "position" integer NOT NULL,
    url text NOT NULL
);
CREATE SEQUENCE public.tracked_links_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.tracked_links_id_seq OWNED BY public.tracked_links.id;
CREATE TABLE public.users (
    id integer NOT NULL,
    email character varying(255) NOT NULL,
    name character varying(255) NOT NULL,
    role character varying(20) NOT NULL,
    password_hash character varying(255) NOT NULL,
    session_stamp character varying(32) NOT NULL,
    totp_sealed character varying(500),
    totp_last_step integer,
    language character varying(5) NOT NULL,
    active boolean NOT NULL,
    created_at timestamp without time zone NOT NULL,
    last_login_at timestamp without time zone
);
CREATE SEQUENCE public.users_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.users_id_seq OWNED BY public.users.id;
CREATE TABLE public.workers (
    name character varying(60) NOT NULL,
    host character varying(120) NOT NULL,
    pid integer NOT NULL,
    started_at timestamp without time zone NOT NULL,
    seen_at timestamp without time zone NOT NULL
);
ALTER TABLE ONLY public.audit_entries ALTER COLUMN id SET DEFAULT nextval('public.audit_entries_id_seq'::regclass);
ALTER TABLE ONLY public.campaign_attachments ALTER COLUMN id SET DEFAULT nextval('public.campaign_attachments_id_seq'::regclass);
ALTER TABLE ONLY public.campaign_members ALTER COLUMN id SET DEFAULT nextval('public.campaign_members_id_seq'::regclass);
ALTER TABLE ONLY public.campaigns ALTER COLUMN id SET DEFAULT nextval('public.campaigns_id_seq'::regclass);
ALTER TABLE ONLY public.clients ALTER COLUMN id SET DEFAULT nextval('public.clients_id_seq'::regclass);
ALTER TABLE ONLY public.contacts ALTER COLUMN id SET DEFAULT nextval('public.contacts_id_seq'::regclass);
ALTER TABLE ONLY public.hits ALTER COLUMN id SET DEFAULT nextval('public.hits_id_seq'::regclass);
ALTER TABLE ONLY public.link_counters ALTER COLUMN id SET DEFAULT nextval('public.link_counters_id_seq'::regclass);
ALTER TABLE ONLY public.list_statuses ALTER COLUMN id SET DEFAULT nextval('public.list_statuses_id_seq'::regclass);
ALTER TABLE ONLY public.mailing_attachments ALTER COLUMN id SET DEFAULT nextval('public.mailing_attachments_id_seq'::regclass);
ALTER TABLE ONLY public.mailings ALTER COLUMN id SET DEFAULT nextval('public.mailings_id_seq'::regclass);
ALTER TABLE ONLY public.messages ALTER COLUMN id SET DEFAULT nextval('public.messages_id_seq'::regclass);
ALTER TABLE ONLY public.practice_mails ALTER COLUMN id SET DEFAULT nextval('public.practice_mails_id_seq'::regclass);
ALTER TABLE ONLY public.saved_filters ALTER COLUMN id SET DEFAULT nextval('public.saved_filters_id_seq'::regclass);
ALTER TABLE ONLY public.smtp_accounts ALTER COLUMN id SET DEFAULT nextval('public.smtp_accounts_id_seq'::regclass);
ALTER TABLE ONLY public.stored_files ALTER COLUMN id SET DEFAULT nextval('public.stored_files_id_seq'::regclass);
ALTER TABLE ONLY public.suppressions ALTER COLUMN id SET DEFAULT nextval('public.suppressions_id_seq'::regclass);
ALTER TABLE ONLY public.tasks ALTER COLUMN id SET DEFAULT nextval('public.tasks_id_seq'::regclass);
ALTER TABLE ONLY public.tracked_links ALTER COLUMN id SET DEFAULT nextval('public.tracked_links_id_seq'::regclass);
ALTER TABLE ONLY public.users ALTER COLUMN id SET DEFAULT nextval('public.users_id_seq'::regclass);
INSERT INTO public.account_users VALUES (1, 1);
INSERT INTO public.alembic_version VALUES ('20261122_create_tables');
INSERT INTO public.audit_entries VALUES (1, '2026-11-22 06:45:37.411068', 1, 'Anna', 'account.create', 'smtp_accounts', 1, 'Aruba', '{"provider": "custom", "host": "smtps.office.example"}', '');
INSERT INTO public.audit_entries VALUES (2, '2026-11-22 06:45:37.598487', 1, 'Anna', 'client.create', 'clients', 1, 'Rossi1', '{}', '');
INSERT INTO public.audit_entries VALUES (3, '2026-11-22 06:45:37.667638', 1, 'Anna', 'client.create', 'clients', 2, 'Rossi2', '{}', '');
INSERT INTO public.audit_entries VALUES (4, '2026-11-22 06:45:37.706555', 1, 'Anna', 'client.create', 'clients', 3, 'Rossi3', '{}', '');
INSERT INTO public.audit_entries VALUES (5, '2026-11-22 06:45:37.739124', 1, 'Anna', 'client.create', 'clients', 4, 'Rossi4', '{}', '');
INSERT INTO public.audit_entries VALUES (6, '2026-11-22 06:45:37.766332', 1, 'Anna', 'client.create', 'clients', 5, 'Rossi5', '{}', '');
INSERT INTO public.audit_entries VALUES (7, '2026-11-22 06:45:37.79709', 1, 'Anna', 'client.create', 'clients', 6, 'Rossi6', '{}', '');
INSERT INTO public.audit_entries VALUES (8, '2026-11-22 06:45:37.820871', 1, 'Anna', 'client.create', 'clients', 7, 'Rossi7', '{}', '');
INSERT INTO public.audit_entries VALUES (9, '2026-11-22 06:45:37.83384', 1, 'Anna', 'client.create', 'clients', 8, 'Rossi8', '{}', '');
INSERT INTO public.audit_entries VALUES (10, '2026-11-22 06:45:37.853928', 1, 'Anna', 'client.create', 'clients', 9, 'Rossi9', '{}', '');
INSERT INTO public.audit_entries VALUES (11, '2026-11-22 06:45:38.061929', 1, 'Anna', 'campaign.start', 'campaigns', 1, 'Renewal', '{"mails": 9}', '');
INSERT INTO public.audit_entries VALUES (12, '2026-11-22 06:45:38.391975', 1, 'Anna', 'suppression.add', '', NULL, '', '{"address": "rossi2@example.com", "reason": "removed"}', '');
INSERT INTO public.audit_entries VALUES (13, '2026-11-22 06:45:38.427299', 1, 'Anna', 'campaign.pause', 'campaigns', 1, 'Renewal', '{}', '');
INSERT INTO public.campaign_attachments VALUES (1, 1, 1, '');
INSERT INTO public.campaign_counters VALUES (1, 'members', 9);
INSERT INTO public.campaign_counters VALUES (1, 'total', 9);
INSERT INTO public.campaign_counters VALUES (1, 'status:0', 6);
INSERT INTO public.campaign_counters VALUES (1, 'status:5', 1);
INSERT INTO public.campaign_counters VALUES (1, 'failed', 1);
INSERT INTO public.campaign_counters VALUES (1, 'queued', 5);
INSERT INTO public.campaign_counters VALUES (1, 'sent', 2);
INSERT INTO public.campaign_counters VALUES (1, 'uncertain', 1);
INSERT INTO public.campaign_counters VALUES (1, 'read', 1);
INSERT INTO public.campaign_counters VALUES (1, 'clicked', 1);
INSERT INTO public.campaign_counters VALUES (1, 'status:2', 0);
INSERT INTO public.campaign_counters VALUES (1, 'status:3', 1);
INSERT INTO public.campaign_counters VALUES (1, 'removed', 1);
INSERT INTO public.campaign_counters VALUES (1, 'status:1', 0);
INSERT INTO public.campaign_counters VALUES (1, 'status:4', 1);
INSERT INTO public.campaign_members VALUES (3, 1, 3, NULL, '', false, '2026-11-22 06:45:37.737774', '2026-11-22 06:45:37.737786');
INSERT INTO public.campaign_members VALUES (5, 1, 5, NULL, '', false, '2026-11-22 06:45:37.796092', '2026-11-22 06:45:37.796099');
INSERT INTO public.campaign_members VALUES (6, 1, 6, NULL, '', false, '2026-11-22 06:45:37.819898', '2026-11-22 06:45:37.819906');
INSERT INTO public.campaign_members VALUES (7, 1, 7, NULL, '', false, '2026-11-22 06:45:37.831648', '2026-11-22 06:45:37.831654');
INSERT INTO public.campaign_members VALUES (8, 1, 8, NULL, '', false, '2026-11-22 06:45:37.85292', '2026-11-22 06:45:37.852931');
INSERT INTO public.campaign_members VALUES (9, 1, 9, NULL, '', false, '2026-11-22 06:45:37.863152', '2026-11-22 06:45:37.86316');
INSERT INTO public.campaign_members VALUES (4, 1, 4, 5, 'failed', false, '2026-11-22 06:45:37.763311', '2026-11-22 06:45:38.167124');
INSERT INTO public.campaign_members VALUES (1, 1, 1, 3, 'clicked', false, '2026-11-22 06:45:37.655781', '2026-11-22 06:45:38.339253');
INSERT INTO public.campaign_members VALUES (2, 1, 2, 4, 'removed', false, '2026-11-22 06:45:37.701718', '2026-11-22 06:45:38.404658');
INSERT INTO public.campaigns VALUES (1, 'Renewal', '', 'paused', 1, '', '', '', '', '[clienti.nome], your policy', 'html', '<p>Dear [clienti.nome], <a href="https://office.example/renew">renew</a>.</p>', '', 0, true, true, false, false, true, true, NULL, NULL, '2026-11-22 06:45:37.874253', NULL, '2026-11-22 06:45:37.439869', NULL);
INSERT INTO public.clients VALUES (1, NULL, 'person', true, '', '', 'Rossi1', '', 'Rossi1', 'rossi1 rossi1@example.com', '', '', NULL, '', '', '', 'rossi1@example.com', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '2026-11-22 06:45:37.58346', '2026-11-22 06:45:37.583471');
INSERT INTO public.clients VALUES (2, NULL, 'person', true, '', '', 'Rossi2', '', 'Rossi2', 'rossi2 rossi2@example.com', '', '', NULL, '', '', '', 'rossi2@example.com', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '2026-11-22 06:45:37.651021', '2026-11-22 06:45:37.651034');
INSERT INTO public.clients VALUES (3, NULL, 'person', true, '', '', 'Rossi3', '', 'Rossi3', 'rossi3 rossi3@example.com', '', '', NULL, '', '', '', 'rossi3@example.com', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '2026-11-22 06:45:37.69617', '2026-11-22 06:45:37.696179');
INSERT INTO public.clients VALUES (4, NULL, 'person', true, '', '', 'Rossi4', '', 'Rossi4', 'rossi4 rossi4@example.com', '', '', NULL, '', '', '', 'rossi4@example.com', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '2026-11-22 06:45:37.725105', '2026-11-22 06:45:37.725115');
INSERT INTO public.clients VALUES (5, NULL, 'person', true, '', '', 'Rossi5', '', 'Rossi5', 'rossi5 rossi5@example.com', '', '', NULL, '', '', '', 'rossi5@example.com', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '2026-11-22 06:45:37.75538', '2026-11-22 06:45:37.755389');
INSERT INTO public.clients VALUES (6, NULL, 'person', true, '', '', 'Rossi6', '', 'Rossi6', 'rossi6 rossi6@example.com', '', '', NULL, '', '', '', 'rossi6@example.com', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '2026-11-22 06:45:37.794922', '2026-11-22 06:45:37.794936');
INSERT INTO public.clients VALUES (7, NULL, 'person', true, '', '', 'Rossi7', '', 'Rossi7', 'rossi7 rossi7@example.com', '', '', NULL, '', '', '', 'rossi7@example.com', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '2026-11-22 06:45:37.819132', '2026-11-22 06:45:37.819141');
INSERT INTO public.clients VALUES (8, NULL, 'person', true, '', '', 'Rossi8', '', 'Rossi8', 'rossi8 rossi8@example.com', '', '', NULL, '', '', '', 'rossi8@example.com', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '2026-11-22 06:45:37.831097', '2026-11-22 06:45:37.831105');
INSERT INTO public.clients VALUES (9, NULL, 'person', true, '', '', 'Rossi9', '', 'Rossi9', 'rossi9 rossi9@example.com', '', '', NULL, '', '', '', 'rossi9@example.com', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '2026-11-22 06:45:37.846889', '2026-11-22 06:45:37.846897');
INSERT INTO public.contacts VALUES (1, 1, '', 'Neri', '', 'neri@example.com', '', '', '', true);
INSERT INTO public.contacts VALUES (2, 2, '', 'Neri', '', 'neri@example.com', '', '', '', true);
INSERT INTO public.contacts VALUES (3, 3, '', 'Neri', '', 'neri@example.com', '', '', '', true);
INSERT INTO public.contacts VALUES (4, 4, '', 'Neri', '', 'neri@example.com', '', '', '', true);
INSERT INTO public.contacts VALUES (5, 5, '', 'Neri', '', 'neri@example.com', '', '', '', true);
INSERT INTO public.contacts VALUES (6, 6, '', 'Neri', '', 'neri@example.com', '', '', '', true);
INSERT INTO public.contacts VALUES (7, 7, '', 'Neri', '', 'neri@example.com', '', '', '', true);
INSERT INTO public.contacts VALUES (8, 8, '', 'Neri', '', 'neri@example.com', '', '', '', true);
INSERT INTO public.contacts VALUES (9, 9, '', 'Neri', '', 'neri@example.com', '', '', '', true);
INSERT INTO public.hit_buckets VALUES (1, '2026-11-22 06:40:00', 'open', 1);
INSERT INTO public.hit_buckets VALUES (1, '2026-11-22 06:40:00', 'click', 1);
INSERT INTO public.hits VALUES (1, '2026-11-22 06:45:38.201422', 'open', 1, 1, NULL, 'GET', '198.51.100.7', 'Mozilla/5.0 (X11; Linux) Firefox/130.0', '');
INSERT INTO public.hits VALUES (2, '2026-11-22 06:45:38.293596', 'click', 1, 1, NULL, 'GET', '198.51.100.7', 'Mozilla/5.0 (X11; Linux) Firefox/130.0', '');
INSERT INTO public.hits VALUES (3, '2026-11-22 06:45:38.373571', 'remove', 1, 2, NULL, 'GET', '198.51.100.7', 'Mozilla/5.0 (X11; Linux) Firefox/130.0', '');
INSERT INTO public.job_runs VALUES ('clean_up', '2026-11-22 06:45:38.429803', '2026-11-22 06:45:38.429803', 3, 1, '', NULL);
INSERT INTO public.leases VALUES ('scheduler', 'old', '2026-11-22 06:45:38.429803');
INSERT INTO public.link_counters VALUES (1, 1, 'READ', 2, 2, 0, '2026-11-22 06:45:38.293596', 1);
INSERT INTO public.list_statuses VALUES (1, 'Status sent', 'todo', 0, true);
INSERT INTO public.list_statuses VALUES (2, 'Status read', 'todo', 0, true);
INSERT INTO public.list_statuses VALUES (3, 'Status clicked', 'todo', 0, true);
INSERT INTO public.list_statuses VALUES (4, 'Status removed', 'todo', 0, true);
INSERT INTO public.list_statuses VALUES (5, 'Status failed', 'todo', 0, true);
INSERT INTO public.mailing_attachments VALUES (1, 1, 1, '');
INSERT INTO public.mailings VALUES (1, 'campaign', 1, 1, 1, 'paused', 0, 'anna@office.example', '', '', '', '[clienti.nome], your policy', '<p>Dear [clienti.nome], <a href="https://office.example/renew">renew</a>.</p>', NULL, '{"track": true, "unsubscribe": true, "language": "it", "public_url": "https://mail.office.example"}', 0, '2026-11-22 06:45:38.109803', '2026-11-22 06:45:37.932491', NULL);
INSERT INTO public.messages VALUES (6, 1, 1, 1, 6, 6, 'rossi6@example.com', 'rossi6@example.com', 'Rossi6', 'email1', '<a7ed4cfae2cd4f0cb2447cf5a73b11b2@office.example>', NULL, 'queued', '', 0, NULL, NULL, 0, NULL, NULL, NULL, '', NULL, NULL, NULL, NULL, 0, 0, 0, '2026-11-22 06:45:37.973125');
INSERT INTO public.messages VALUES (7, 1, 1, 1, 7, 7, 'rossi7@example.com', 'rossi7@example.com', 'Rossi7', 'email1', '<5e383c6e122f407ab8ae8ca7a79d6509@office.example>', NULL, 'queued', '', 0, NULL, NULL, 0, NULL, NULL, NULL, '', NULL, NULL, NULL, NULL, 0, 0, 0, '2026-11-22 06:45:37.973125');
INSERT INTO public.messages VALUES (8, 1, 1, 1, 8, 8, 'rossi8@example.com', 'rossi8@example.com', 'Rossi8', 'email1', '<5ccf02c5410a45a7a20b6c2c494c12f5@office.example>', NULL, 'queued', '', 0, NULL, NULL, 0, NULL, NULL, NULL, '', NULL, NULL, NULL, NULL, 0, 0, 0, '2026-11-22 06:45:37.973125');
INSERT INTO public.messages VALUES (9, 1, 1, 1, 9, 9, 'rossi9@example.com', 'rossi9@example.com', 'Rossi9', 'email1', '<2d9a83cd09f94155bb7f57d2327ec017@office.example>', NULL, 'queued', '', 0, NULL, NULL, 0, NULL, NULL, NULL, '', NULL, NULL, NULL, NULL, 0, 0, 0, '2026-11-22 06:45:37.973125');
INSERT INTO public.messages VALUES (3, 1, 1, 1, 3, 3, 'rossi3@example.com', 'rossi3@example.com', 'Rossi3', 'email1', '<fecbad2128b1487397fab509b69da706@office.example>', '{"clienti": {"nome": "Rossi"}}', 'uncertain', '', 0, NULL, 'old-worker', 1, '2026-11-22 06:45:38.109803', NULL, 250, 'said uncertain', 5000, NULL, NULL, NULL, 0, 0, 0, '2026-11-22 06:45:37.973125');
INSERT INTO public.messages VALUES (4, 1, 1, 1, 4, 4, 'rossi4@example.com', 'rossi4@example.com', 'Rossi4', 'email1', '<a076ce26a8e44ba195ab60e0940ae447@office.example>', '{"clienti": {"nome": "Rossi"}}', 'failed', '', 0, NULL, NULL, 1, '2026-11-22 06:45:38.109803', NULL, 250, 'said failed', 5000, NULL, NULL, NULL, 0, 0, 0, '2026-11-22 06:45:37.973125');
INSERT INTO public.messages VALUES (5, 1, 1, 1, 5, 5, 'rossi5@example.com', 'rossi5@example.com', 'Rossi5', 'email1', '<41dba76703d9483f8a298ebf1707f7a0@office.example>', '{"clienti": {"nome": "Rossi"}}', 'deferred', '', 0, '2026-11-22 06:55:38.109803', NULL, 1, '2026-11-22 06:45:38.109803', NULL, 250, 'said deferred', 5000, NULL, NULL, NULL, 0, 0, 0, '2026-11-22 06:45:37.973125');
INSERT INTO public.messages VALUES (1, 1, 1, 1, 1, 1, 'rossi1@example.com', 'rossi1@example.com', 'Rossi1', 'email1', '<ee237a32f65d4086b2b91fed1387422f@office.example>', '{"clienti": {"nome": "Rossi"}}', 'sent', '', 0, NULL, NULL, 1, '2026-11-22 06:45:38.109803', '2026-11-22 05:45:38.109803', 250, 'said sent', 5000, '2026-11-22 06:45:38.201422', '2026-11-22 06:45:38.293596', NULL, 1, 1, 0, '2026-11-22 06:45:37.973125');
INSERT INTO public.messages VALUES (2, 1, 1, 1, 2, 2, 'rossi2@example.com', 'rossi2@example.com', 'Rossi2', 'email1', '<51f15b0b2f044f8d9e6d50a5d9660abb@office.example>', '{"clienti": {"nome": "Rossi"}}', 'sent', '', 0, NULL, NULL, 1, '2026-11-22 06:45:38.109803', '2026-11-22 05:45:38.109803', 250, 'said sent', 5000, NULL, NULL, '2026-11-22 06:45:38.373571', 0, 0, 0, '2026-11-22 06:45:37.973125');
INSERT INTO public.office_settings VALUES ('office_name', '{"value": "Studio Rossi"}');
INSERT INTO public.outcome_statuses VALUES (1, 'sent', 1);
INSERT INTO public.outcome_statuses VALUES (1, 'read', 2);
INSERT INTO public.outcome_statuses VALUES (1, 'clicked', 3);
INSERT INTO public.outcome_statuses VALUES (1, 'removed', 4);
INSERT INTO public.outcome_statuses VALUES (1, 'failed', 5);
INSERT INTO public.practice_mails VALUES (1, '2026-11-22 06:45:38.453832', '', '["a@b.example"]', '', 16, '\x5375626a6563743a20780d0a0d0a00ff');
INSERT INTO public.saved_filters VALUES (1, 'clients', 'All', 1, true, '{"q": "rossi"}', '2026-11-22 06:45:37.327119');
INSERT INTO public.smtp_accounts VALUES (1, 'Aruba', 'custom', 'smtps.office.example', 465, 'tls', 'anna', 'gAAAAABrAo-R_muLQZICVlt8DKsLkYWwLR98ahwVlwArPIDhvVR-oHYwX6iTTUpwYx_FeQoJ6Zww49M7fYSA8WY1oxYqchu6DA==', 'anna@office.example', '', '', 2, '[[250, 1200]]', true, false, NULL, '', NULL, '', NULL, NULL, NULL, '', '2026-11-22 06:45:37.395809');
INSERT INTO public.stored_files VALUES (1, '650bed1ca75169f7d43fd0174d0b85dd8e6a9a4875c979d9720af5b78c47d091', 'conditions.txt', 'text/plain', 24, 1, '2026-11-22 06:45:37.56013');
INSERT INTO public.suppressions VALUES (1, 'rossi2@example.com', 'removed', 2, '', '2026-11-22 06:45:38.385938');
INSERT INTO public.tasks VALUES (1, 'clients.export', 1, 'done', 'Export', '{}', '{}', '', 0, 0, false, NULL, '2026-11-22 06:45:38.459244', NULL, NULL, NULL);
INSERT INTO public.tracked_links VALUES (1, 1, 1, 'https://office.example/renew');
INSERT INTO public.users VALUES (1, 'anna@office.example', 'Anna', 'administrator', '$argon2id$none', 'stamp', 'gAAAAABrAo-RA1FMSlir46muE0TorMmulzkSSSk_SbTh9q_MXigpl_SVo-TRNDUuitZsH3fTDiPL6zcTz_tEqwd6HTxGyVfP_w==', NULL, 'it', true, '2026-11-22 06:45:37.284498', NULL);
INSERT INTO public.workers VALUES ('old-worker', 'old', 1, '2026-11-22 06:45:38.466315', '2026-11-22 06:45:38.466323');
SELECT pg_catalog.setval('public.audit_entries_id_seq', 13, true);
SELECT pg_catalog.setval('public.campaign_attachments_id_seq', 1, true);
SELECT pg_catalog.setval('public.campaign_members_id_seq', 9, true);
SELECT pg_catalog.setval('public.campaigns_id_seq', 1, true);
SELECT pg_catalog.setval('public.clients_id_seq', 9, true);
SELECT pg_catalog.setval('public.contacts_id_seq', 9, true);
SELECT pg_catalog.setval('public.hits_id_seq', 3, true);
SELECT pg_catalog.setval('public.link_counters_id_seq', 2, true);
SELECT pg_catalog.setval('public.list_statuses_id_seq', 5, true);
SELECT pg_catalog.setval('public.mailing_attachments_id_seq', 1, true);
SELECT pg_catalog.setval('public.mailings_id_seq', 1, true);
SELECT pg_catalog.setval('public.messages_id_seq', 9, true);
SELECT pg_catalog.setval('public.practice_mails_id_seq', 1, true);
SELECT pg_catalog.setval('public.saved_filters_id_seq', 1, true);
SELECT pg_catalog.setval('public.smtp_accounts_id_seq', 1, true);
SELECT pg_catalog.setval('public.stored_files_id_seq', 1, true);
SELECT pg_catalog.setval('public.suppressions_id_seq', 1, true);
SELECT pg_catalog.setval('public.tasks_id_seq', 1, true);
SELECT pg_catalog.setval('public.tracked_links_id_seq', 1, true);
SELECT pg_catalog.setval('public.users_id_seq', 1, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.account_users
    ADD CONSTRAINT pk_account_users PRIMARY KEY (account_id, user_id);
ALTER TABLE ONLY public.audit_entries
    ADD CONSTRAINT pk_audit_entries PRIMARY KEY (id);
ALTER TABLE ONLY public.campaign_attachments
    ADD CONSTRAINT pk_campaign_attachments PRIMARY KEY (id);
ALTER TABLE ONLY public.campaign_counters
    ADD CONSTRAINT pk_campaign_counters PRIMARY KEY (campaign_id, name);
ALTER TABLE ONLY public.campaign_members
    ADD CONSTRAINT pk_campaign_members PRIMARY KEY (id);
ALTER TABLE ONLY public.campaigns
    ADD CONSTRAINT pk_campaigns PRIMARY KEY (id);
ALTER TABLE ONLY public.clients
    ADD CONSTRAINT pk_clients PRIMARY KEY (id);
ALTER TABLE ONLY public.contacts
    ADD CONSTRAINT pk_contacts PRIMARY KEY (id);
ALTER TABLE ONLY public.hit_buckets
    ADD CONSTRAINT pk_hit_buckets PRIMARY KEY (campaign_id, at, kind);
ALTER TABLE ONLY public.hits
    ADD CONSTRAINT pk_hits PRIMARY KEY (id);
ALTER TABLE ONLY public.job_runs
    ADD CONSTRAINT pk_job_runs PRIMARY KEY (job);
ALTER TABLE ONLY public.leases
    ADD CONSTRAINT pk_leases PRIMARY KEY (name);
ALTER TABLE ONLY public.link_counters
    ADD CONSTRAINT pk_link_counters PRIMARY KEY (id);
ALTER TABLE ONLY public.list_statuses
    ADD CONSTRAINT pk_list_statuses PRIMARY KEY (id);
ALTER TABLE ONLY public.mailing_attachments
    ADD CONSTRAINT pk_mailing_attachments PRIMARY KEY (id);
ALTER TABLE ONLY public.mailings
    ADD CONSTRAINT pk_mailings PRIMARY KEY (id);
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT pk_messages PRIMARY KEY (id);
ALTER TABLE ONLY public.office_settings
    ADD CONSTRAINT pk_office_settings PRIMARY KEY (name);
ALTER TABLE ONLY public.outcome_statuses
    ADD CONSTRAINT pk_outcome_statuses PRIMARY KEY (campaign_id, outcome);
ALTER TABLE ONLY public.practice_mails
    ADD CONSTRAINT pk_practice_mails PRIMARY KEY (id);
ALTER TABLE ONLY public.saved_filters
    ADD CONSTRAINT pk_saved_filters PRIMARY KEY (id);
ALTER TABLE ONLY public.smtp_accounts
    ADD CONSTRAINT pk_smtp_accounts PRIMARY KEY (id);
ALTER TABLE ONLY public.stored_files
    ADD CONSTRAINT pk_stored_files PRIMARY KEY (id);
ALTER TABLE ONLY public.suppressions
    ADD CONSTRAINT pk_suppressions PRIMARY KEY (id);
ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT pk_tasks PRIMARY KEY (id);
ALTER TABLE ONLY public.tracked_links
    ADD CONSTRAINT pk_tracked_links PRIMARY KEY (id);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT pk_users PRIMARY KEY (id);
ALTER TABLE ONLY public.workers
    ADD CONSTRAINT pk_workers PRIMARY KEY (name);
ALTER TABLE ONLY public.campaign_members
    ADD CONSTRAINT uq_campaign_members_campaign_id_client_id UNIQUE (campaign_id, client_id);
ALTER TABLE ONLY public.campaigns
    ADD CONSTRAINT uq_campaigns_name UNIQUE (name);
ALTER TABLE ONLY public.clients
    ADD CONSTRAINT uq_clients_code UNIQUE (code);
ALTER TABLE ONLY public.list_statuses
    ADD CONSTRAINT uq_list_statuses_name UNIQUE (name);
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT uq_messages_mailing_id_recipient_key UNIQUE (mailing_id, recipient_key);
ALTER TABLE ONLY public.smtp_accounts
    ADD CONSTRAINT uq_smtp_accounts_name UNIQUE (name);
ALTER TABLE ONLY public.suppressions
    ADD CONSTRAINT uq_suppressions_address UNIQUE (address);
ALTER TABLE ONLY public.tracked_links
    ADD CONSTRAINT uq_tracked_links_mailing_id_position UNIQUE (mailing_id, "position");
ALTER TABLE ONLY public.users
    ADD CONSTRAINT uq_users_email UNIQUE (email);
CREATE INDEX ix_audit_entries_at ON public.audit_entries USING btree (at);
CREATE INDEX ix_audit_entries_object_type_object_id ON public.audit_entries USING btree (object_type, object_id);
CREATE INDEX ix_campaign_members_campaign_id_list_status_id_id ON public.campaign_members USING btree (campaign_id, list_status_id, id);
CREATE INDEX ix_campaign_members_client_id ON public.campaign_members USING btree (client_id);
CREATE INDEX ix_clients_active_kind_display_name_id ON public.clients USING btree (active, kind, display_name, id);
CREATE INDEX ix_clients_city ON public.clients USING btree (city);
CREATE INDEX ix_clients_created_at ON public.clients USING btree (created_at);
CREATE INDEX ix_clients_display_name_id ON public.clients USING btree (display_name, id);
CREATE INDEX ix_clients_email1 ON public.clients USING btree (email1);
CREATE INDEX ix_clients_email2 ON public.clients USING btree (email2);
CREATE INDEX ix_clients_email3 ON public.clients USING btree (email3);
CREATE INDEX ix_clients_tax_code ON public.clients USING btree (tax_code);
CREATE INDEX ix_clients_vat_number ON public.clients USING btree (vat_number);
CREATE INDEX ix_contacts_client_id ON public.contacts USING btree (client_id);
CREATE INDEX ix_contacts_email ON public.contacts USING btree (email);
CREATE INDEX ix_hits_campaign_id_kind_id ON public.hits USING btree (campaign_id, kind, id);
CREATE INDEX ix_hits_message_id_at ON public.hits USING btree (message_id, at);
CREATE UNIQUE INDEX ix_link_counters_campaign_id_url ON public.link_counters USING btree (campaign_id, url);
CREATE INDEX ix_mailings_campaign_id ON public.mailings USING btree (campaign_id);
CREATE INDEX ix_mailings_state ON public.mailings USING btree (state);
CREATE INDEX ix_messages_account_id_attempted_at ON public.messages USING btree (account_id, attempted_at);
CREATE INDEX ix_messages_campaign_id_state_id ON public.messages USING btree (campaign_id, state, id);
CREATE INDEX ix_messages_client_id_id ON public.messages USING btree (client_id, id);
CREATE INDEX ix_messages_member_id ON public.messages USING btree (member_id);
CREATE INDEX ix_messages_recipient_key ON public.messages USING btree (recipient_key);
CREATE INDEX ix_messages_uncertain ON public.messages USING btree (id) WHERE ((state)::text = 'uncertain'::text);
CREATE INDEX ix_messages_waiting ON public.messages USING btree (mailing_id, id) WHERE ((state)::text = ANY ((ARRAY['queued'::character varying, 'deferred'::character varying])::text[]));
CREATE INDEX ix_messages_worker ON public.messages USING btree (worker) WHERE (worker IS NOT NULL);
CREATE INDEX ix_practice_mails_received_at ON public.practice_mails USING btree (received_at);
CREATE INDEX ix_saved_filters_module_name ON public.saved_filters USING btree (module, name);
CREATE INDEX ix_stored_files_sha256 ON public.stored_files USING btree (sha256);
CREATE INDEX ix_tasks_state_id ON public.tasks USING btree (state, id);
ALTER TABLE ONLY public.account_users
    ADD CONSTRAINT fk_account_users_account_id_smtp_accounts FOREIGN KEY (account_id) REFERENCES public.smtp_accounts(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.account_users
    ADD CONSTRAINT fk_account_users_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.audit_entries
    ADD CONSTRAINT fk_audit_entries_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.campaign_attachments
    ADD CONSTRAINT fk_campaign_attachments_campaign_id_campaigns FOREIGN KEY (campaign_id) REFERENCES public.campaigns(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.campaign_attachments
    ADD CONSTRAINT fk_campaign_attachments_file_id_stored_files FOREIGN KEY (file_id) REFERENCES public.stored_files(id);
ALTER TABLE ONLY public.campaign_counters
    ADD CONSTRAINT fk_campaign_counters_campaign_id_campaigns FOREIGN KEY (campaign_id) REFERENCES public.campaigns(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.campaign_members
    ADD CONSTRAINT fk_campaign_members_campaign_id_campaigns FOREIGN KEY (campaign_id) REFERENCES public.campaigns(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.campaign_members
    ADD CONSTRAINT fk_campaign_members_client_id_clients FOREIGN KEY (client_id) REFERENCES public.clients(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.campaign_members
    ADD CONSTRAINT fk_campaign_members_list_status_id_list_statuses FOREIGN KEY (list_status_id) REFERENCES public.list_statuses(id);
ALTER TABLE ONLY public.campaigns
    ADD CONSTRAINT fk_campaigns_account_id_smtp_accounts FOREIGN KEY (account_id) REFERENCES public.smtp_accounts(id);
ALTER TABLE ONLY public.campaigns
    ADD CONSTRAINT fk_campaigns_created_by_id_users FOREIGN KEY (created_by_id) REFERENCES public.users(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.campaigns
    ADD CONSTRAINT fk_campaigns_initial_status_id_list_statuses FOREIGN KEY (initial_status_id) REFERENCES public.list_statuses(id);
ALTER TABLE ONLY public.contacts
    ADD CONSTRAINT fk_contacts_client_id_clients FOREIGN KEY (client_id) REFERENCES public.clients(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.hit_buckets
    ADD CONSTRAINT fk_hit_buckets_campaign_id_campaigns FOREIGN KEY (campaign_id) REFERENCES public.campaigns(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.hits
    ADD CONSTRAINT fk_hits_campaign_id_campaigns FOREIGN KEY (campaign_id) REFERENCES public.campaigns(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.hits
    ADD CONSTRAINT fk_hits_link_id_tracked_links FOREIGN KEY (link_id) REFERENCES public.tracked_links(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.hits
    ADD CONSTRAINT fk_hits_message_id_messages FOREIGN KEY (message_id) REFERENCES public.messages(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.link_counters
    ADD CONSTRAINT fk_link_counters_campaign_id_campaigns FOREIGN KEY (campaign_id) REFERENCES public.campaigns(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.link_counters
    ADD CONSTRAINT fk_link_counters_last_client_id_clients FOREIGN KEY (last_client_id) REFERENCES public.clients(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.mailing_attachments
    ADD CONSTRAINT fk_mailing_attachments_file_id_stored_files FOREIGN KEY (file_id) REFERENCES public.stored_files(id);
ALTER TABLE ONLY public.mailing_attachments
    ADD CONSTRAINT fk_mailing_attachments_mailing_id_mailings FOREIGN KEY (mailing_id) REFERENCES public.mailings(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.mailings
    ADD CONSTRAINT fk_mailings_account_id_smtp_accounts FOREIGN KEY (account_id) REFERENCES public.smtp_accounts(id);
ALTER TABLE ONLY public.mailings
    ADD CONSTRAINT fk_mailings_author_id_users FOREIGN KEY (author_id) REFERENCES public.users(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.mailings
    ADD CONSTRAINT fk_mailings_campaign_id_campaigns FOREIGN KEY (campaign_id) REFERENCES public.campaigns(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT fk_messages_account_id_smtp_accounts FOREIGN KEY (account_id) REFERENCES public.smtp_accounts(id);
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT fk_messages_campaign_id_campaigns FOREIGN KEY (campaign_id) REFERENCES public.campaigns(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT fk_messages_client_id_clients FOREIGN KEY (client_id) REFERENCES public.clients(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT fk_messages_mailing_id_mailings FOREIGN KEY (mailing_id) REFERENCES public.mailings(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT fk_messages_member_id_campaign_members FOREIGN KEY (member_id) REFERENCES public.campaign_members(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.outcome_statuses
    ADD CONSTRAINT fk_outcome_statuses_campaign_id_campaigns FOREIGN KEY (campaign_id) REFERENCES public.campaigns(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.outcome_statuses
    ADD CONSTRAINT fk_outcome_statuses_list_status_id_list_statuses FOREIGN KEY (list_status_id) REFERENCES public.list_statuses(id);
ALTER TABLE ONLY public.saved_filters
    ADD CONSTRAINT fk_saved_filters_owner_id_users FOREIGN KEY (owner_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.stored_files
    ADD CONSTRAINT fk_stored_files_owner_id_users FOREIGN KEY (owner_id) REFERENCES public.users(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.suppressions
    ADD CONSTRAINT fk_suppressions_message_id_messages FOREIGN KEY (message_id) REFERENCES public.messages(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT fk_tasks_file_id_stored_files FOREIGN KEY (file_id) REFERENCES public.stored_files(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT fk_tasks_owner_id_users FOREIGN KEY (owner_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.tracked_links
    ADD CONSTRAINT fk_tracked_links_mailing_id_mailings FOREIGN KEY (mailing_id) REFERENCES public.mailings(id) ON DELETE CASCADE;
