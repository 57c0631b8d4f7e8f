BEGIN TRANSACTION;
CREATE TABLE account_users (
	account_id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	CONSTRAINT pk_account_users PRIMARY KEY (account_id, user_id), 
	CONSTRAINT fk_account_users_account_id_smtp_accounts FOREIGN KEY(account_id) REFERENCES smtp_accounts (id) ON DELETE CASCADE, 
	CONSTRAINT fk_account_users_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "account_users" VALUES(1,1);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('20261122_create_tables');
CREATE TABLE audit_entries (
	id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	user_id INTEGER, 
	user_name VARCHAR(255) NOT NULL, 
	action VARCHAR(60) NOT NULL, 
	object_type VARCHAR(60) NOT NULL, 
	object_id INTEGER, 
	object_label VARCHAR(255) NOT NULL, 
	detail JSON NOT NULL, 
	ip VARCHAR(45) NOT NULL, 
	CONSTRAINT pk_audit_entries PRIMARY KEY (id), 
	CONSTRAINT fk_audit_entries_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE SET NULL
);
INSERT INTO "audit_entries" VALUES(1,'2026-11-22 06:45:23.672334',1,'Anna','account.create','smtp_accounts',1,'Aruba','{"provider": "custom", "host": "smtps.office.example"}','');
INSERT INTO "audit_entries" VALUES(2,'2026-11-22 06:45:23.782736',1,'Anna','client.create','clients',1,'Rossi1','{}','');
INSERT INTO "audit_entries" VALUES(3,'2026-11-22 06:45:23.829360',1,'Anna','client.create','clients',2,'Rossi2','{}','');
INSERT INTO "audit_entries" VALUES(4,'2026-11-22 06:45:23.889396',1,'Anna','client.create','clients',3,'Rossi3','{}','');
INSERT INTO "audit_entries" VALUES(5,'2026-11-22 06:45:23.908466',1,'Anna','client.create','clients',4,'Rossi4','{}','');
INSERT INTO "audit_entries" VALUES(6,'2026-11-22 06:45:23.924088',1,'Anna','client.create','clients',5,'Rossi5','{}','');
INSERT INTO "audit_entries" VALUES(7,'2026-11-22 06:45:23.944078',1,'Anna','client.create','clients',6,'Rossi6','{}','');
INSERT INTO "audit_entries" VALUES(8,'2026-11-22 06:45:23.960460',1,'Anna','client.create','clients',7,'Rossi7','{}','');
INSERT INTO "audit_entries" VALUES(9,'2026-11-22 06:45:23.980059',1,'Anna','client.create','clients',8,'Rossi8','{}','');
INSERT INTO "audit_entries" VALUES(10,'2026-11-22 06:45:23.999611',1,'Anna','client.create','clients',9,'Rossi9','{}','');
INSERT INTO "audit_entries" VALUES(11,'2026-11-22 06:45:24.563602',1,'Anna','campaign.start','campaigns',1,'Renewal','{"mails": 9}','');
INSERT INTO "audit_entries" VALUES(12,'2026-11-22 06:45:24.761780',1,'Anna','suppression.add','',NULL,'','{"address": "rossi2@example.com", "reason": "removed"}','');
INSERT INTO "audit_entries" VALUES(13,'2026-11-22 06:45:24.782046',1,'Anna','campaign.pause','campaigns',1,'Renewal','{}','');
CREATE TABLE campaign_attachments (
	id INTEGER NOT NULL, 
	campaign_id INTEGER NOT NULL, 
	file_id INTEGER NOT NULL, 
	content_id VARCHAR(120) NOT NULL, 
	CONSTRAINT pk_campaign_attachments PRIMARY KEY (id), 
	CONSTRAINT fk_campaign_attachments_campaign_id_campaigns FOREIGN KEY(campaign_id) REFERENCES campaigns (id) ON DELETE CASCADE, 
	CONSTRAINT fk_campaign_attachments_file_id_stored_files FOREIGN KEY(file_id) REFERENCES stored_files (id)
);
INSERT INTO "campaign_attachments" VALUES(1,1,1,'');
CREATE TABLE campaign_counters (
	campaign_id INTEGER NOT NULL, 
	name VARCHAR(40) NOT NULL, 
	value INTEGER NOT NULL, 
	CONSTRAINT pk_campaign_counters PRIMARY KEY (campaign_id, name), 
	CONSTRAINT fk_campaign_counters_campaign_id_campaigns FOREIGN KEY(campaign_id) REFERENCES campaigns (id) ON DELETE CASCADE
);
INSERT INTO "campaign_counters" VALUES(1,'members',9);
INSERT INTO "campaign_counters" VALUES(1,'status:0',6);
INSERT INTO "campaign_counters" VALUES(1,'queued',5);
INSERT INTO "campaign_counters" VALUES(1,'total',9);
INSERT INTO "campaign_counters" VALUES(1,'status:1',0);
INSERT INTO "campaign_counters" VALUES(1,'status:5',1);
INSERT INTO "campaign_counters" VALUES(1,'failed',1);
INSERT INTO "campaign_counters" VALUES(1,'sent',2);
INSERT INTO "campaign_counters" VALUES(1,'uncertain',1);
INSERT INTO "campaign_counters" VALUES(1,'read',1);
INSERT INTO "campaign_counters" VALUES(1,'status:2',0);
INSERT INTO "campaign_counters" VALUES(1,'clicked',1);
INSERT INTO "campaign_counters" VALUES(1,'status:3',1);
INSERT INTO "campaign_counters" VALUES(1,'removed',1);
INSERT INTO "campaign_counters" VALUES(1,'status:4',1);
CREATE TABLE campaign_members (
	id INTEGER NOT NULL, 
	campaign_id INTEGER NOT NULL, 
	client_id INTEGER NOT NULL, 
	list_status_id INTEGER, 
	outcome VARCHAR(12) NOT NULL, 
	by_hand BOOLEAN NOT NULL, 
	added_at DATETIME NOT NULL, 
	changed_at DATETIME NOT NULL, 
	CONSTRAINT pk_campaign_members PRIMARY KEY (id), 
	CONSTRAINT fk_campaign_members_campaign_id_campaigns FOREIGN KEY(campaign_id) REFERENCES campaigns (id) ON DELETE CASCADE, 
	CONSTRAINT fk_campaign_members_client_id_clients FOREIGN KEY(client_id) REFERENCES clients (id) ON DELETE CASCADE, 
	CONSTRAINT fk_campaign_members_list_status_id_list_statuses FOREIGN KEY(list_status_id) REFERENCES list_statuses (id), 
	CONSTRAINT uq_campaign_members_campaign_id_client_id UNIQUE (campaign_id, client_id)
);
INSERT INTO "campaign_members" VALUES(1,1,1,3,'clicked',0,'2026-11-22 06:45:23.816894','2026-11-22 06:45:24.724469');
INSERT INTO "campaign_members" VALUES(2,1,2,4,'removed',0,'2026-11-22 06:45:23.885087','2026-11-22 06:45:24.763123');
INSERT INTO "campaign_members" VALUES(3,1,3,NULL,'',0,'2026-11-22 06:45:23.908188','2026-11-22 06:45:23.908191');
INSERT INTO "campaign_members" VALUES(4,1,4,5,'failed',0,'2026-11-22 06:45:23.923846','2026-11-22 06:45:24.640671');
INSERT INTO "campaign_members" VALUES(5,1,5,NULL,'',0,'2026-11-22 06:45:23.943820','2026-11-22 06:45:23.943822');
INSERT INTO "campaign_members" VALUES(6,1,6,NULL,'',0,'2026-11-22 06:45:23.960201','2026-11-22 06:45:23.960203');
INSERT INTO "campaign_members" VALUES(7,1,7,NULL,'',0,'2026-11-22 06:45:23.979822','2026-11-22 06:45:23.979824');
INSERT INTO "campaign_members" VALUES(8,1,8,NULL,'',0,'2026-11-22 06:45:23.999378','2026-11-22 06:45:23.999381');
INSERT INTO "campaign_members" VALUES(9,1,9,NULL,'',0,'2026-11-22 06:45:24.005119','2026-11-22 06:45:24.005131');
CREATE TABLE campaigns (
	id INTEGER NOT NULL, 
	name VARCHAR(160) NOT NULL, 
	notes TEXT NOT NULL, 
	state VARCHAR(12) NOT NULL, 
	account_id INTEGER, 
	from_email VARCHAR(254) NOT NULL, 
	from_name VARCHAR(255) NOT NULL, 
	reply_to VARCHAR(254) NOT NULL, 
	bcc VARCHAR(254) NOT NULL, 
	subject VARCHAR(500) NOT NULL, 
	body_format VARCHAR(4) NOT NULL, 
	body_html TEXT NOT NULL, 
	body_text TEXT NOT NULL, 
	delay_seconds DOUBLE NOT NULL, 
	use_email1 BOOLEAN NOT NULL, 
	use_email2 BOOLEAN NOT NULL, 
	use_email3 BOOLEAN NOT NULL, 
	use_contacts BOOLEAN NOT NULL, 
	track BOOLEAN NOT NULL, 
	unsubscribe BOOLEAN NOT NULL, 
	initial_status_id INTEGER, 
	scheduled_at DATETIME, 
	started_at DATETIME, 
	finished_at DATETIME, 
	created_at DATETIME NOT NULL, 
	created_by_id INTEGER, 
	CONSTRAINT pk_campaigns PRIMARY KEY (id), 
	CONSTRAINT fk_campaigns_account_id_smtp_accounts FOREIGN KEY(account_id) REFERENCES smtp_accounts (id), 
	CONSTRAINT fk_campaigns_created_by_id_users FOREIGN KEY(created_by_id) REFERENCES users (id) ON DELETE SET NULL, 
	CONSTRAINT fk_campaigns_initial_status_id_list_statuses FOREIGN KEY(initial_status_id) REFERENCES list_statuses (id), 
	CONSTRAINT uq_campaigns_name UNIQUE (name)
);
INSERT INTO "campaigns" VALUES(1,'Renewal','','paused',1,'','','','','[clienti.nome], your policy','html','<p>Dear [clienti.nome], <a href="https://office.example/renew">renew</a>.</p>','',0.0,1,1,0,0,1,1,NULL,NULL,'2026-11-22 06:45:24.025919',NULL,'2026-11-22 06:45:23.697131',NULL);
CREATE TABLE clients (
	id INTEGER NOT NULL, 
	code VARCHAR(40), 
	kind VARCHAR(20) NOT NULL, 
	active BOOLEAN NOT NULL, 
	title VARCHAR(40) NOT NULL, 
	first_name VARCHAR(120) NOT NULL, 
	last_name VARCHAR(120) NOT NULL, 
	company_name VARCHAR(200) NOT NULL, 
	display_name VARCHAR(255) NOT NULL, 
	search_text TEXT NOT NULL, 
	tax_code VARCHAR(20) NOT NULL, 
	vat_number VARCHAR(20) NOT NULL, 
	birth_date DATE, 
	birth_place VARCHAR(120) NOT NULL, 
	sex VARCHAR(1) NOT NULL, 
	profession VARCHAR(120) NOT NULL, 
	email1 VARCHAR(254) NOT NULL, 
	email2 VARCHAR(254) NOT NULL, 
	email3 VARCHAR(254) NOT NULL, 
	pec VARCHAR(254) NOT NULL, 
	website VARCHAR(200) NOT NULL, 
	phone VARCHAR(40) NOT NULL, 
	phone2 VARCHAR(40) NOT NULL, 
	mobile VARCHAR(40) NOT NULL, 
	fax VARCHAR(40) NOT NULL, 
	street VARCHAR(200) NOT NULL, 
	postcode VARCHAR(12) NOT NULL, 
	city VARCHAR(120) NOT NULL, 
	province VARCHAR(60) NOT NULL, 
	country VARCHAR(60) NOT NULL, 
	mail_street VARCHAR(200) NOT NULL, 
	mail_postcode VARCHAR(12) NOT NULL, 
	mail_city VARCHAR(120) NOT NULL, 
	mail_province VARCHAR(60) NOT NULL, 
	mail_country VARCHAR(60) NOT NULL, 
	notes TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	CONSTRAINT pk_clients PRIMARY KEY (id), 
	CONSTRAINT uq_clients_code UNIQUE (code)
);
INSERT INTO "clients" VALUES(1,NULL,'person',1,'','','Rossi1','','Rossi1','rossi1 rossi1@example.com','','',NULL,'','','','rossi1@example.com','','','','','','','','','','','','','','','','','','','','2026-11-22 06:45:23.782285','2026-11-22 06:45:23.782292');
INSERT INTO "clients" VALUES(2,NULL,'person',1,'','','Rossi2','','Rossi2','rossi2 rossi2@example.com','','',NULL,'','','','rossi2@example.com','','','','','','','','','','','','','','','','','','','','2026-11-22 06:45:23.816228','2026-11-22 06:45:23.816236');
INSERT INTO "clients" VALUES(3,NULL,'person',1,'','','Rossi3','','Rossi3','rossi3 rossi3@example.com','','',NULL,'','','','rossi3@example.com','','','','','','','','','','','','','','','','','','','','2026-11-22 06:45:23.884920','2026-11-22 06:45:23.884928');
INSERT INTO "clients" VALUES(4,NULL,'person',1,'','','Rossi4','','Rossi4','rossi4 rossi4@example.com','','',NULL,'','','','rossi4@example.com','','','','','','','','','','','','','','','','','','','','2026-11-22 06:45:23.907995','2026-11-22 06:45:23.908009');
INSERT INTO "clients" VALUES(5,NULL,'person',1,'','','Rossi5','','Rossi5','rossi5 rossi5@example.com','','',NULL,'','','','rossi5@example.com','','','','','','','','','','','','','','','','','','','','2026-11-22 06:45:23.923687','2026-11-22 06:45:23.923697');
INSERT INTO "clients" VALUES(6,NULL,'person',1,'','','Rossi6','','Rossi6','rossi6 rossi6@example.com','','',NULL,'','','','rossi6@example.com','','','','','','','','','','','','','','','','','','','','2026-11-22 06:45:23.943650','2026-11-22 06:45:23.943659');
INSERT INTO "clients" VALUES(7,NULL,'person',1,'','','Rossi7','','Rossi7','rossi7 rossi7@example.com','','',NULL,'','','','rossi7@example.com','','','','','','','','','','','','','','','','','','','','2026-11-22 06:45:23.960013','2026-11-22 06:45:23.960027');
INSERT INTO "clients" VALUES(8,NULL,'person',1,'','','Rossi8','','Rossi8','rossi8 rossi8@example.com','','',NULL,'','','','rossi8@example.com','','','','','','','','','','','','','','','','','','','','2026-11-22 06:45:23.979663','2026-11-22 06:45:23.979671');
INSERT INTO "clients" VALUES(9,NULL,'person',1,'','','Rossi9','','Rossi9','rossi9 rossi9@example.com','','',NULL,'','','','rossi9@example.com','','','','','','','','','','','','','','','','','','','','2026-11-22 06:45:23.999215','2026-11-22 06:45:23.999225');
CREATE TABLE contacts (
	id INTEGER NOT NULL, 
	client_id INTEGER NOT NULL, 
	first_name VARCHAR(120) NOT NULL, 
	last_name VARCHAR(120) NOT NULL, 
	position VARCHAR(120) NOT NULL, 
	email VARCHAR(254) NOT NULL, 
	phone VARCHAR(40) NOT NULL, 
	mobile VARCHAR(40) NOT NULL, 
	notes TEXT NOT NULL, 
	active BOOLEAN NOT NULL, 
	CONSTRAINT pk_contacts PRIMARY KEY (id), 
	CONSTRAINT fk_contacts_client_id_clients FOREIGN KEY(client_id) REFERENCES clients (id) ON DELETE CASCADE
);
INSERT INTO "contacts" VALUES(1,1,'','Neri','','neri@example.com','','','',1);
INSERT INTO "contacts" VALUES(2,2,'','Neri','','neri@example.com','','','',1);
INSERT INTO "contacts" VALUES(3,3,'','Neri','','neri@example.com','','','',1);
INSERT INTO "contacts" VALUES(4,4,'','Neri','','neri@example.com','','','',1);
INSERT INTO "contacts" VALUES(5,5,'','Neri','','neri@example.com','','','',1);
INSERT INTO "contacts" VALUES(6,6,'','Neri','','neri@example.com','','','',1);
INSERT INTO "contacts" VALUES(7,7,'','Neri','','neri@example.com','','','',1);
INSERT INTO "contacts" VALUES(8,8,'','Neri','','neri@example.com','','','',1);
INSERT INTO "contacts" VALUES(9,9,'','Neri','','neri@example.com','','','',1);
CREATE TABLE hit_buckets (
	campaign_id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	kind VARCHAR(10) NOT NULL, 
	value INTEGER NOT NULL, 
	CONSTRAINT pk_hit_buckets PRIMARY KEY (campaign_id, at, kind), 
	CONSTRAINT fk_hit_buckets_campaign_id_campaigns FOREIGN KEY(campaign_id) REFERENCES campaigns (id) ON DELETE CASCADE
);
INSERT INTO "hit_buckets" VALUES(1,'2026-11-22 06:40:00.000000','open',1);
INSERT INTO "hit_buckets" VALUES(1,'2026-11-22 06:40:00.000000','click',1);
CREATE TABLE hits (
	id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	kind VARCHAR(10) NOT NULL, 
	campaign_id INTEGER, 
	message_id INTEGER NOT NULL, 
	link_id INTEGER, 
	method VARCHAR(10) NOT NULL, 
	ip VARCHAR(45) NOT NULL, 
	user_agent VARCHAR(300) NOT NULL, 
	machine VARCHAR(30) NOT NULL, 
	CONSTRAINT pk_hits PRIMARY KEY (id), 
	CONSTRAINT fk_hits_campaign_id_campaigns FOREIGN KEY(campaign_id) REFERENCES campaigns (id) ON DELETE CASCADE, 
	CONSTRAINT fk_hits_link_id_tracked_links FOREIGN KEY(link_id) REFERENCES tracked_links (id) ON DELETE CASCADE, 
	CONSTRAINT fk_hits_message_id_messages FOREIGN KEY(message_id) REFERENCES messages (id) ON DELETE CASCADE
);
INSERT INTO "hits" VALUES(1,'2026-11-22 06:45:24.678838','open',1,1,NULL,'GET','198.51.100.7','Mozilla/5.0 (X11; Linux) Firefox/130.0','');
INSERT INTO "hits" VALUES(2,'2026-11-22 06:45:24.711102','click',1,1,NULL,'GET','198.51.100.7','Mozilla/5.0 (X11; Linux) Firefox/130.0','');
INSERT INTO "hits" VALUES(3,'2026-11-22 06:45:24.751258','remove',1,2,NULL,'GET','198.51.100.7','Mozilla/5.0 (X11; Linux) Firefox/130.0','');
CREATE TABLE job_runs (
	job VARCHAR(60) NOT NULL, 
	started_at DATETIME, 
	finished_at DATETIME, 
	runs INTEGER NOT NULL, 
	failures INTEGER NOT NULL, 
	last_error TEXT NOT NULL, 
	last_error_at DATETIME, 
	CONSTRAINT pk_job_runs PRIMARY KEY (job)
);
INSERT INTO "job_runs" VALUES('clean_up','2026-11-22 06:45:24.793588','2026-11-22 06:45:24.793588',3,1,'',NULL);
CREATE TABLE leases (
	name VARCHAR(40) NOT NULL, 
	holder VARCHAR(120) NOT NULL, 
	expires_at DATETIME NOT NULL, 
	CONSTRAINT pk_leases PRIMARY KEY (name)
);
INSERT INTO "leases" VALUES('scheduler','old','2026-11-22 06:45:24.793588');
CREATE TABLE link_counters (
	id INTEGER NOT NULL, 
	campaign_id INTEGER NOT NULL, 
	url VARCHAR(2000) NOT NULL, 
	requests INTEGER NOT NULL, 
	people INTEGER NOT NULL, 
	machines INTEGER NOT NULL, 
	last_at DATETIME, 
	last_client_id INTEGER, 
	CONSTRAINT pk_link_counters PRIMARY KEY (id), 
	CONSTRAINT fk_link_counters_campaign_id_campaigns FOREIGN KEY(campaign_id) REFERENCES campaigns (id) ON DELETE CASCADE, 
	CONSTRAINT fk_link_counters_last_client_id_clients FOREIGN KEY(last_client_id) REFERENCES clients (id) ON DELETE SET NULL
);
INSERT INTO "link_counters" VALUES(1,1,'READ',2,2,0,'2026-11-22 06:45:24.711102',1);
CREATE TABLE list_statuses (
	id INTEGER NOT NULL, 
	name VARCHAR(80) NOT NULL, 
	colour VARCHAR(20) NOT NULL, 
	position INTEGER NOT NULL, 
	active BOOLEAN NOT NULL, 
	CONSTRAINT pk_list_statuses PRIMARY KEY (id), 
	CONSTRAINT uq_list_statuses_name UNIQUE (name)
);
INSERT INTO "list_statuses" VALUES(1,'Status sent','todo',0,1);
INSERT INTO "list_statuses" VALUES(2,'Status read','todo',0,1);
INSERT INTO "list_statuses" VALUES(3,'Status clicked','todo',0,1);
INSERT INTO "list_statuses" VALUES(4,'Status removed','todo',0,1);
INSERT INTO "list_statuses" VALUES(5,'Status failed','todo',0,1);
CREATE TABLE mailing_attachments (
	id INTEGER NOT NULL, 
	mailing_id INTEGER NOT NULL, 
	file_id INTEGER NOT NULL, 
	content_id VARCHAR(120) NOT NULL, 
	CONSTRAINT pk_mailing_attachments PRIMARY KEY (id), 
	CONSTRAINT fk_mailing_attachments_file_id_stored_files FOREIGN KEY(file_id) REFERENCES stored_files (id), 
	CONSTRAINT fk_mailing_attachments_mailing_id_mailings FOREIGN KEY(mailing_id) REFERENCES mailings (id) ON DELETE CASCADE
);
INSERT INTO "mailing_attachments" VALUES(1,1,1,'');
CREATE TABLE mailings (
	id INTEGER NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	campaign_id INTEGER, 
	account_id INTEGER NOT NULL, 
	author_id INTEGER, 
	state VARCHAR(12) NOT NULL, 
	priority INTEGER NOT NULL, 
	from_email VARCHAR(254) NOT NULL, 
	from_name VARCHAR(255) NOT NULL, 
	reply_to VARCHAR(254) NOT NULL, 
	bcc VARCHAR(254) NOT NULL, 
	subject VARCHAR(500) NOT NULL, 
	html TEXT, 
	text TEXT, 
	options JSON NOT NULL, 
	delay_seconds DOUBLE NOT NULL, 
	last_delivery_at DATETIME, 
	created_at DATETIME NOT NULL, 
	finished_at DATETIME, 
	CONSTRAINT pk_mailings PRIMARY KEY (id), 
	CONSTRAINT fk_mailings_account_id_smtp_accounts FOREIGN KEY(account_id) REFERENCES smtp_accounts (id), 
	CONSTRAINT fk_mailings_author_id_users FOREIGN KEY(author_id) REFERENCES users (id) ON DELETE SET NULL, 
	CONSTRAINT fk_mailings_campaign_id_campaigns FOREIGN KEY(campaign_id) REFERENCES campaigns (id) ON DELETE CASCADE
);
INSERT INTO "mailings" VALUES(1,'campaign',1,1,1,'paused',0,'anna@office.example','','','','[clienti.nome], your policy','<p>Dear [clienti.nome], <a href="https://office.example/renew">renew</a>.</p>',NULL,'{"track": true, "unsubscribe": true, "language": "it", "public_url": "https://mail.office.example"}',0.0,'2026-11-22 06:45:24.588079','2026-11-22 06:45:24.071759',NULL);
CREATE TABLE messages (
	id INTEGER NOT NULL, 
	mailing_id INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	campaign_id INTEGER, 
	member_id INTEGER, 
	client_id INTEGER, 
	recipient_key VARCHAR(254) NOT NULL, 
	to_address VARCHAR(254) NOT NULL, 
	to_name VARCHAR(255) NOT NULL, 
	source VARCHAR(20) NOT NULL, 
	message_id VARCHAR(255) NOT NULL, 
	merge_values JSON, 
	state VARCHAR(10) NOT NULL, 
	reason VARCHAR(40) NOT NULL, 
	priority INTEGER NOT NULL, 
	due_at DATETIME, 
	worker VARCHAR(60), 
	attempts INTEGER NOT NULL, 
	attempted_at DATETIME, 
	sent_at DATETIME, 
	server_code INTEGER, 
	server_words TEXT NOT NULL, 
	size INTEGER, 
	opened_at DATETIME, 
	clicked_at DATETIME, 
	removed_at DATETIME, 
	opens INTEGER NOT NULL, 
	clicks INTEGER NOT NULL, 
	machine_hits INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_messages PRIMARY KEY (id), 
	CONSTRAINT fk_messages_account_id_smtp_accounts FOREIGN KEY(account_id) REFERENCES smtp_accounts (id), 
	CONSTRAINT fk_messages_campaign_id_campaigns FOREIGN KEY(campaign_id) REFERENCES campaigns (id) ON DELETE CASCADE, 
	CONSTRAINT fk_messages_client_id_clients FOREIGN KEY(client_id) REFERENCES clients (id) ON DELETE SET NULL, 
	CONSTRAINT fk_messages_mailing_id_mailings FOREIGN KEY(mailing_id) REFERENCES mailings (id) ON DELETE CASCADE, 
	CONSTRAINT fk_messages_member_id_campaign_members FOREIGN KEY(member_id) REFERENCES campaign_members (id) ON DELETE SET NULL, 
	CONSTRAINT uq_messages_mailing_id_recipient_key UNIQUE (mailing_id, recipient_key)
);
INSERT INTO "messages" VALUES(1,1,1,1,1,1,'rossi1@example.com','rossi1@example.com','Rossi1','email1','<fc3b90826d2650987dcda2f67b565235@office.example>','{"clienti": {"nome": "Rossi"}}','sent','',0,NULL,NULL,1,'2026-11-22 06:45:24.588079','2026-11-22 05:45:24.588079',250,'said sent',5000,'2026-11-22 06:45:24.678838','2026-11-22 06:45:24.711102',NULL,1,1,0,'2026-11-22 06:45:24.094833');
INSERT INTO "messages" VALUES(2,1,1,1,2,2,'rossi2@example.com','rossi2@example.com','Rossi2','email1','<82c9f3d34dae7d6a5bf755a03b2a417d@office.example>','{"clienti": {"nome": "Rossi"}}','sent','',0,NULL,NULL,1,'2026-11-22 06:45:24.588079','2026-11-22 05:45:24.588079',250,'said sent',5000,NULL,NULL,'2026-11-22 06:45:24.751258',0,0,0,'2026-11-22 06:45:24.094833');
INSERT INTO "messages" VALUES(3,1,1,1,3,3,'rossi3@example.com','rossi3@example.com','Rossi3','email1','<6434c9a64a6c17adbfd16074514aa922@office.example>','{"clienti": {"nome": "Rossi"}}','uncertain','',0,NULL,'old-worker',1,'2026-11-22 06:45:24.588079',NULL,250,'said uncertain',5000,NULL,NULL,NULL,0,0,0,'2026-11-22 06:45:24.094833');
INSERT INTO "messages" VALUES(4,1,1,1,4,4,'rossi4@example.com','rossi4@example.com','Rossi4','email1','<6510ee0b25c21f935a9b6fefd47deab8@office.example>','{"clienti": {"nome": "Rossi"}}','failed','',0,NULL,NULL,1,'2026-11-22 06:45:24.588079',NULL,250,'said failed',5000,NULL,NULL,NULL,0,0,0,'2026-11-22 06:45:24.094833');
INSERT INTO "messages" VALUES(5,1,1,1,5,5,'rossi5@example.com','rossi5@example.com','Rossi5','email1','<40d91407eff5f64344123fadc00e4179@office.example>','{"clienti": {"nome": "Rossi"}}','deferred','',0,'2026-11-22 06:55:24.588079',NULL,1,'2026-11-22 06:45:24.588079',NULL,250,'said deferred',5000,NULL,NULL,NULL,0,0,0,'2026-11-22 06:45:24.094833');
INSERT INTO "messages" VALUES(6,1,1,1,6,6,'rossi6@example.com','rossi6@example.com','Rossi6','email1','<2253a439e702bf7df2194f194494d4d5@office.example>',NULL,'queued','',0,NULL,NULL,0,NULL,NULL,NULL,'',NULL,NULL,NULL,NULL,0,0,0,'2026-11-22 06:45:24.094833');
INSERT INTO "messages" VALUES(7,1,1,1,7,7,'rossi7@example.com','rossi7@example.com','Rossi7','email1','<cb7355df8538edfff51f32daf653e028@office.example>',NULL,'queued','',0,NULL,NULL,0,NULL,NULL,NULL,'',NULL,NULL,NULL,NULL,0,0,0,'2026-11-22 06:45:24.094833');
INSERT INTO "messages" VALUES(8,1,1,1,8,8,'rossi8@example.com','rossi8@example.com','Rossi8','email1','<7febd38dce87e9d37c5faa26cf9be895@office.example>',NULL,'queued','',0,NULL,NULL,0,NULL,NULL,NULL,'',NULL,NULL,NULL,NULL,0,0,0,'2026-11-22 06:45:24.094833');
INSERT INTO "messages" VALUES(9,1,1,1,9,9,'rossi9@example.com','rossi9@example.com','Rossi9','email1','<06dbb564da5c8e295af97d2fbccbd90c@office.example>',NULL,'queued','',0,NULL,NULL,0,NULL,NULL,NULL,'',NULL,NULL,NULL,NULL,0,0,0,'2026-11-22 06:45:24.094833');
CREATE TABLE office_settings (
	name VARCHAR(60) NOT NULL, 
	value JSON NOT NULL, 
	CONSTRAINT pk_office_settings PRIMARY KEY (name)
);
INSERT INTO "office_settings" VALUES('office_name','{"value": "Studio Rossi"}');
CREATE TABLE outcome_statuses (
	campaign_id INTEGER NOT NULL, 
	outcome VARCHAR(12) NOT NULL, 
	list_status_id INTEGER NOT NULL, 
	CONSTRAINT pk_outcome_statuses PRIMARY KEY (campaign_id, outcome), 
	CONSTRAINT fk_outcome_statuses_campaign_id_campaigns FOREIGN KEY(campaign_id) REFERENCES campaigns (id) ON DELETE CASCADE, 
	CONSTRAINT fk_outcome_statuses_list_status_id_list_statuses FOREIGN KEY(list_status_id) REFERENCES list_statuses (id)
);
INSERT INTO "outcome_statuses" VALUES(1,'sent',1);
INSERT INTO "outcome_statuses" VALUES(1,'read',2);
INSERT INTO "outcome_statuses" VALUES(1,'clicked',3);
INSERT INTO "outcome_statuses" VALUES(1,'removed',4);
INSERT INTO "outcome_statuses" VALUES(1,'failed',5);
CREATE TABLE practice_mails (
	id INTEGER NOT NULL, 
	received_at DATETIME NOT NULL, 
	mail_from VARCHAR(320) NOT NULL, 
	rcpt_to JSON NOT NULL, 
	subject VARCHAR(500) NOT NULL, 
	size INTEGER NOT NULL, 
	raw BLOB NOT NULL, 
	CONSTRAINT pk_practice_mails PRIMARY KEY (id)
);
INSERT INTO "practice_mails" VALUES(1,'2026-11-22 06:45:24.796172','','["a@b.example"]','',16,X'5375626A6563743A20780D0A0D0A00FF');
CREATE TABLE saved_filters (
	id INTEGER NOT NULL, 
	module VARCHAR(40) NOT NULL, 
	name VARCHAR(120) NOT NULL, 
	owner_id INTEGER NOT NULL, 
	shared BOOLEAN NOT NULL, 
	"query" JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_saved_filters PRIMARY KEY (id), 
	CONSTRAINT fk_saved_filters_owner_id_users FOREIGN KEY(owner_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "saved_filters" VALUES(1,'clients','All',1,1,'{"q": "rossi"}','2026-11-22 06:45:23.626785');
CREATE TABLE smtp_accounts (
	id INTEGER NOT NULL, 
	name VARCHAR(120) NOT NULL, 
	provider VARCHAR(40) NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	port INTEGER NOT NULL, 
	security VARCHAR(10) NOT NULL, 
	username VARCHAR(255) NOT NULL, 
	password_sealed TEXT, 
	from_email VARCHAR(254) NOT NULL, 
	from_name VARCHAR(255) NOT NULL, 
	reply_to VARCHAR(254) NOT NULL, 
	connections INTEGER NOT NULL, 
	limits JSON NOT NULL, 
	active BOOLEAN NOT NULL, 
	practice BOOLEAN NOT NULL, 
	stopped_at DATETIME, 
	stopped_reason TEXT NOT NULL, 
	retry_at DATETIME, 
	last_error TEXT NOT NULL, 
	last_error_at DATETIME, 
	tested_at DATETIME, 
	test_ok BOOLEAN, 
	test_words TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_smtp_accounts PRIMARY KEY (id), 
	CONSTRAINT uq_smtp_accounts_name UNIQUE (name)
);
INSERT INTO "smtp_accounts" VALUES(1,'Aruba','custom','smtps.office.example',465,'tls','anna','gAAAAABrAo-DdKjqF6KMH5cO8oyIDR0w2dddrDFiFr1LhtYcNAASKhn3jHR6ltTgoX_Yg5z0_cEUA48AnMa_aSpA0_5TmS7E0g==','anna@office.example','','',2,'[[250, 1200]]',1,0,NULL,'',NULL,'',NULL,NULL,NULL,'','2026-11-22 06:45:23.670859');
CREATE TABLE stored_files (
	id INTEGER NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	content_type VARCHAR(127) NOT NULL, 
	size INTEGER NOT NULL, 
	owner_id INTEGER, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_stored_files PRIMARY KEY (id), 
	CONSTRAINT fk_stored_files_owner_id_users FOREIGN KEY(owner_id) REFERENCES users (id) ON DELETE SET NULL
);
INSERT INTO "stored_files" VALUES(1,'650bed1ca75169f7d43fd0174d0b85dd8e6a9a4875c979d9720af5b78c47d091','conditions.txt','text/plain',24,1,'2026-11-22 06:45:23.780237');
CREATE TABLE suppressions (
	id INTEGER NOT NULL, 
	address VARCHAR(254) NOT NULL, 
	reason VARCHAR(20) NOT NULL, 
	message_id INTEGER, 
	note VARCHAR(255) NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_suppressions PRIMARY KEY (id), 
	CONSTRAINT fk_suppressions_message_id_messages FOREIGN KEY(message_id) REFERENCES messages (id) ON DELETE SET NULL, 
	CONSTRAINT uq_suppressions_address UNIQUE (address)
);
INSERT INTO "suppressions" VALUES(1,'rossi2@example.com','removed',2,'','2026-11-22 06:45:24.752107');
CREATE TABLE tasks (
	id INTEGER NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	owner_id INTEGER, 
	state VARCHAR(10) NOT NULL, 
	title VARCHAR(255) NOT NULL, 
	params JSON NOT NULL, 
	result JSON NOT NULL, 
	error TEXT NOT NULL, 
	done INTEGER NOT NULL, 
	total INTEGER NOT NULL, 
	cancel_requested BOOLEAN NOT NULL, 
	file_id INTEGER, 
	created_at DATETIME NOT NULL, 
	started_at DATETIME, 
	finished_at DATETIME, 
	beat_at DATETIME, 
	CONSTRAINT pk_tasks PRIMARY KEY (id), 
	CONSTRAINT fk_tasks_file_id_stored_files FOREIGN KEY(file_id) REFERENCES stored_files (id) ON DELETE SET NULL, 
	CONSTRAINT fk_tasks_owner_id_users FOREIGN KEY(owner_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "tasks" VALUES(1,'clients.export',1,'done','Export','{}','{}','',0,0,0,NULL,'2026-11-22 06:45:24.796886',NULL,NULL,NULL);
CREATE TABLE tracked_links (
	id INTEGER NOT NULL, 
	mailing_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	url TEXT NOT NULL, 
	CONSTRAINT pk_tracked_links PRIMARY KEY (id), 
	CONSTRAINT fk_tracked_links_mailing_id_mailings FOREIGN KEY(mailing_id) REFERENCES mailings (id) ON DELETE CASCADE, 
	CONSTRAINT uq_tracked_links_mailing_id_position UNIQUE (mailing_id, position)
);
INSERT INTO "tracked_links" VALUES(1,1,1,'https://office.example/renew');
CREATE TABLE users (
	id INTEGER NOT NULL, 
	email VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	role VARCHAR(20) NOT NULL, 
	password_hash VARCHAR(255) NOT NULL, 
	session_stamp VARCHAR(32) NOT NULL, 
	totp_sealed VARCHAR(500), 
	totp_last_step INTEGER, 
	language VARCHAR(5) NOT NULL, 
	active BOOLEAN NOT NULL, 
	created_at DATETIME NOT NULL, 
	last_login_at DATETIME, 
	CONSTRAINT pk_users PRIMARY KEY (id), 
	CONSTRAINT uq_users_email UNIQUE (email)
);
INSERT INTO "users" VALUES(1,'anna@office.example','Anna','administrator','$argon2id$none','stamp','gAAAAABrAo-DHzF4hiR83L5zJYt_V-vufc0Q4yIX1ezSZov2V4qkhO59JTT26u0w9VxgEfXbQ_XfPW_hWKo_jAlyzxkBYkgxjg==',NULL,'it',1,'2026-11-22 06:45:23.592675',NULL);
CREATE TABLE workers (
	name VARCHAR(60) NOT NULL, 
	host VARCHAR(120) NOT NULL, 
	pid INTEGER NOT NULL, 
	started_at DATETIME NOT NULL, 
	seen_at DATETIME NOT NULL, 
	CONSTRAINT pk_workers PRIMARY KEY (name)
);
INSERT INTO "workers" VALUES('old-worker','old',1,'2026-11-22 06:45:24.825338','2026-11-22 06:45:24.825360');
CREATE INDEX ix_clients_active_kind_display_name_id ON clients (active, kind, display_name, id);
CREATE INDEX ix_clients_city ON clients (city);
CREATE INDEX ix_clients_created_at ON clients (created_at);
CREATE INDEX ix_clients_display_name_id ON clients (display_name, id);
CREATE INDEX ix_clients_email1 ON clients (email1);
CREATE INDEX ix_clients_email2 ON clients (email2);
CREATE INDEX ix_clients_email3 ON clients (email3);
CREATE INDEX ix_clients_tax_code ON clients (tax_code);
CREATE INDEX ix_clients_vat_number ON clients (vat_number);
CREATE INDEX ix_practice_mails_received_at ON practice_mails (received_at);
CREATE INDEX ix_audit_entries_at ON audit_entries (at);
CREATE INDEX ix_audit_entries_object_type_object_id ON audit_entries (object_type, object_id);
CREATE INDEX ix_contacts_client_id ON contacts (client_id);
CREATE INDEX ix_contacts_email ON contacts (email);
CREATE INDEX ix_saved_filters_module_name ON saved_filters (module, name);
CREATE INDEX ix_stored_files_sha256 ON stored_files (sha256);
CREATE INDEX ix_campaign_members_campaign_id_list_status_id_id ON campaign_members (campaign_id, list_status_id, id);
CREATE INDEX ix_campaign_members_client_id ON campaign_members (client_id);
CREATE UNIQUE INDEX ix_link_counters_campaign_id_url ON link_counters (campaign_id, url);
CREATE INDEX ix_mailings_campaign_id ON mailings (campaign_id);
CREATE INDEX ix_mailings_state ON mailings (state);
CREATE INDEX ix_tasks_state_id ON tasks (state, id);
CREATE INDEX ix_messages_account_id_attempted_at ON messages (account_id, attempted_at);
CREATE INDEX ix_messages_campaign_id_state_id ON messages (campaign_id, state, id);
CREATE INDEX ix_messages_client_id_id ON messages (client_id, id);
CREATE INDEX ix_messages_member_id ON messages (member_id);
CREATE INDEX ix_messages_recipient_key ON messages (recipient_key);
CREATE INDEX ix_messages_uncertain ON messages (id) WHERE state = 'uncertain';
CREATE INDEX ix_messages_waiting ON messages (mailing_id, id) WHERE state IN ('queued', 'deferred');
CREATE INDEX ix_messages_worker ON messages (worker) WHERE worker IS NOT NULL;
CREATE INDEX ix_hits_campaign_id_kind_id ON hits (campaign_id, kind, id);
CREATE INDEX ix_hits_message_id_at ON hits (message_id, at);
COMMIT;
