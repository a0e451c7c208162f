"""The words of names and labels, beside those that the headers of files have too."""

from collections.abc import Mapping
from typing import Final

MORE_NAMES: Final[Mapping[str, str]] = {
    "email": "emails, email addresses, user email, user email address, sähköposti, sähköpostiosoite,"
    " e mail cím, email cím, adresă de email, adresa de email, e posta, e posta adresi, eposta,"
    " eposta adresi, iş e postası, indirizzo di posta elettronica, jobb e post, jobb epost,"
    " din e post, din epost, arbeidsepost, arbejdsmail, epost, pracovní e mail, pracovní email,"
    " электронная почта, адрес электронной почты, рабочая почта, эл почта, почта, email адрес, 邮箱,"
    " 电子邮箱, 电子邮件, 工作邮箱, 公司邮箱, 이메일, 이메일 주소, 회사 이메일, 업무용 이메일,"
    " 会社メールアドレス, eメール, البريد الإلكتروني",
    "phone": "phones, phone numbers, telephones, best number to reach, best number to reach you,"
    " best number to reach you on, direct line, direct dial, daytime phone, daytime telephone,"
    " day phone, user phone, whatsapp, mobile no, numero de telephone portable, telefone com ddd,"
    " telefonnummer fur ruckfragen, ruckrufnummer, mobiltelefonnummer, festnetz, festnetznummer,"
    " diensttelefon, wie konnen wir sie telefonisch erreichen,"
    " unter welcher nummer erreichen wir sie, unter welcher nummer konnen wir sie erreichen,"
    " unter welcher nummer erreichen wir dich, téléphone fixe, numéro de mobile, n de telephone,"
    " no de telephone, n telephone, número de móvil, número de celular, número telefónico,"
    " nº de teléfono, no de teléfono, n de telefono, número de telemóvel, número de whatsapp,"
    " telefone celular, numero de celular, recapito telefonico, recapito, 06 nummer, gsm,"
    " gsm nummer, telefon kontaktowy, numer kontaktowy, puhelin, puhelinnumero, telefonszám,"
    " număr de telefon, telefon numarası, cep telefonu, お電話番号, 携帯電話, 携帯電話番号,"
    " 携帯番号, 手机号, 手机, 手机号码, 联系电话, 电话号码, 电话, 연락처, 전화번호, 휴대폰,"
    " 휴대폰 번호, 휴대전화, 휴대전화 번호, телефон, номер телефона, контактный телефон,"
    " мобильный телефон, рабочий телефон, رقم الهاتف",
    "first_name": "first, fname, f name, your first name, contact first name, legal first name,"
    " preferred first name, nome di battesimo, etunimi, keresztnév, prenume, adı, имя, ваше имя,"
    " お名前 名",
    "last_name": "last, lname, l name, your last name, contact last name, legal last name,"
    " primer apellido, sukunimi, vezetéknév, nume de familie, soyadı, soyad, фамилия, ваша фамилия,"
    " お名前 姓",
    "company": "御社名, 公司名称, 公司, 单位名称, 单位, 企业名称, 회사, 회사명, 会社 団体名, 法人名,"
    " 企業名, компания, название компании, организация, название организации, ваша компания,"
    " companhia, twoja firma, virksomhedsnavn, firmanavn, bedriftsnavn, bedrift, yritys,"
    " yrityksen nimi, název společnosti, společnost, cégnév, companie, numele companiei, şirket,"
    " şirket adı, firma adı, établissement, razão social, institution, workplace, name des vereins,"
    " nombre del negocio, nombre de tu negocio, nome do seu negocio, hoe heet je bedrijf,"
    " hoe heet uw bedrijf, come si chiama la tua azienda, foretagets namn, name ihres unternehmens,"
    " name ihrer firma, name eures unternehmens, practice name, agency name, school organization,"
    " اسم الشركة",
    "employees": "number employees, how big is your company, how large is your company,"
    " how big is your team, how large is your team, wie gross ist ihr unternehmen,"
    " wie gross ist euer unternehmen, wie gross ist dein unternehmen, team grosse, teamgrosse,"
    " anzahl beschaftigte, beschaftigte, mitarbeitergrosse, size company,"
    " how large is your organization, how big is your organization, nombre de collaborateurs,"
    " collaborateurs, salaries, employes, tamano empresa, cantidad de empleados,"
    " numero de trabajadores, trabajadores, numero de colaboradores, colaboradores,"
    " quantos funcionarios, quantidade de funcionarios, tamanho empresa, medewerkers, werknemers,"
    " dimensione aziendale, dimensioni aziendali, n dipendenti, pracownikow,"
    " ilu pracownikow zatrudnia firma, ilu pracownikow zatrudniacie, anstallda, ansatte,"
    " antal ansatte, henkilöstömäärä, työntekijämäärä, počet zaměstnanců, çalışan sayısı,"
    " количество сотрудников, число сотрудников, 员工人数, 员工数量, 公司规模, 企业规模, 직원 수,"
    " 회사 규모, 従業員規模, 社員数",
    "country": "country region, land region, pays region, pais region, land van vestiging,"
    " país de residencia, país de residência, pays de résidence, maa, ország, țară, ülke, страна,"
    " 国家, 국가",
    "city": "город, kaupunki, şehir, 城市, 도시",
    "industry": "業種, 业种, 行业, 所属行业, 업종, 산업, отрасль, ramo de atividade, setor de atuação,"
    " ramo de atuação, segmento de atuação, settore di attività, sector de actividad, toimiala,"
    " sektör, business sector",
    "title": "job function, 役職名, 职位, 職位, 职务, 직급, 직책, должность, ваша должность, job,"
    " occupation, beruf, metier, profession, profesion, professione, rolle, rolle im unternehmen,"
    " poste occupe, poste actuel, intitule de poste, cargo que ocupas, ruolo aziendale,"
    " posizione lavorativa, tehtävänimike, pozice, beosztás, pozisyon, unvan",
    "product_interest": "products of interest, interest, interests, interested in, interessen, interets,"
    " intereses, interessi",
    "name": "ご担当者名, 担当者名, 担当者, 姓名, 您的姓名, 联系人, 联系人姓名, фио, ваше имя и фамилия,"
    " имя и фамилия, контактное лицо, 성함, 이름, 담당자명, 담당자 이름, wie heisst du,"
    " wie heissen sie, what should we call you, comment vous appelez vous, como te llamas,"
    " como se llama, come ti chiami, come si chiama, como voce se chama, hoe heet je, hoe heet u,"
    " jak sie nazywasz, prenom and nom, nom and prenom, first and last name, contact person,"
    " ansprechperson, kontaktperson, nom du contact, nombre del contacto, nombre de contacto,"
    " persona de contacto, pessoa de contato, nominativo, persona di riferimento, contactpersoon,"
    " osoba kontaktowa, fullständigt namn, fulde navn, koko nimi, nimi, név, teljes név,"
    " nume și prenume, nume complet, ad soyad, adı soyadı, adınız soyadınız, isim soyisim,"
    " may we have your name, name of contact",
    "website": "url, web, website des unternehmens, unternehmenswebsite, unternehmenswebseite,"
    " internetadresse, webadresse, adresse de votre site web, adresse du site web,"
    " adresse de votre site, site da empresa, seu site, site empresa, sito aziendale,"
    " site de l entreprise, site entreprise, nettside, nettsted, kotisivu, verkkosivu,"
    " verkkosivusto, webové stránky, web stránky, weboldal, web sitesi, сайт, сайт компании,"
    " веб сайт, 公司网站, 公司网址, 网址, 网站, 웹사이트, 홈페이지, ウェブサイト, ホームページ,"
    " website address",
    "state": "region, county, uf, estado uf, 省份, 시 도",
    "postal_code": "cp, postinumero, irányítószám, cod poștal, posta kodu, почтовый индекс, индекс,"
    " 邮编, 邮政编码, 우편번호",
    "language": "langue de preference, idioma preferido, idioma de preferencia, voorkeurstaal,"
    " lingua preferita, which language do you prefer, welche sprache bevorzugen sie, 语言, 言語",
    "annual_revenue": "umsatz pro jahr, umsatz im jahr, chiffre d affaires annuel, facturacion anual,"
    " faturamento anual, fatturato annuo, fatturato annuale, yearly revenue, yearly turnover, 年商,"
    " 売上高",
    "referrer": "referer, http referrer",
    "pages": "page url, page uri",
    "landing_page": "landing page, landing page url, landing url, first page, entry page",
    "ip": "ip, ip address, client ip, remote ip, visitor ip, user ip",
    "timezone": "time zone, timezone, zeitzone, fuseau horaire, zona horaria",
    "attributes.message": "ihre frage, deine frage, eure frage, message, msg, textarea, your message,"
    " comment, comments, question, questions, questions or comments, questions and comments,"
    " comments questions, notes, inquiry, enquiry, inquiry details, enquiry details,"
    " request details, project details, further details, anything else, additional information,"
    " additional comments, additional details, additional notes, further information,"
    " further comments, nachricht, ihre nachricht, deine nachricht, mitteilung, anliegen,"
    " ihr anliegen, anfrage, ihre anfrage, kommentar, bemerkung, bemerkungen, anmerkung,"
    " anmerkungen, weitere informationen, weitere angaben, haben sie noch fragen, votre message,"
    " votre demande, votre besoin, votre projet, precisez votre besoin, precisez votre demande,"
    " commentaire, commentaires, mensaje, tu mensaje, consulta, tu consulta, comentarios,"
    " cuentanos mas, messaggio, il tuo messaggio, richiesta, la tua richiesta, mensagem, comentario,"
    " bericht, vraag, uw vraag, je vraag, opmerking, opmerkingen, wiadomosc, tresc wiadomosci,"
    " twoja wiadomosc, meddelande, besked, melding, viesti, zprava, üzenet, mesaj, mesajınız,"
    " сообщение, ваше сообщение, комментарий, комментарии, вопрос, ваш вопрос, 留言, 留言内容, 备注,"
    " 需求描述, 메시지, 문의 내용, 문의사항, メッセージ, お問い合わせ内容, お問合せ内容, ご質問,"
    " ご要望, ご質問 ご要望, ご質問 ご相談内容, 備考, what brings you here,"
    " what would you like to discuss, what would you like to talk about",
}
"""Names and labels by field, beside those of `app.intake.headers`."""
AROUND: Final = """
what whats which s is are was your you yours my our the a an of do does did work for at in with please
enter provide tell us can we i have has how many and required optional here best current currently
located based live people operate billing residence contact primary direct main customer corporate
business professional wie lautet heisst ist sind hat habt haben hast dein deine deinen deiner deinem
deines ihr ihre ihren ihrem ihrer ihres euer eure euren eurem eures mein meine bitte geben gib sie du
der die das den dem des ein eine einen viele welche welchem welchen welcher welches fur von bei aus uns
dich euch arbeitest arbeiten arbeitet sitzt sitzen wohnst wohnen kommst kommen kommt seid tatig angeben
innen zur zum nennen beschaftigt beschaftigen wahlen pflichtfeld geschaftlich geschaftliche
geschaftlichen berufliche beruflichen beruflich dienstliche dienstlich quel quelle quels quelles est
sont votre vos ton ta tes mon le la les l de d dans pour combien avez vous travaillez travailles tu etes
obligatoire facultatif compte professionnel professionnelle pro cual cuales es son su tus mi el los las
en que cuantos tiene tienes trabajas trabaja estas esta obligatorio opcional trabajo contacto
corporativo corporativa profesional empresarial qual quale quali il lo tuo tua suo sua vostra vostro
quanti avete ha di della dell nella lavori lavoro aziendale per e seu voce o tem quantos quantas
trabalho comercial profissional melhor da obbligatorio facoltativo je jouw uw wat het van heeft heb
hoeveel zakelijk zakelijke verplicht twoj twoje twoja jest sluzbowy służbowy podaj swoj swoje inkl
vorwahl code worldwide total range mogen durfen antworten ansprechen ocupas ocupez occupez trouve se ou
eres si trova bent gevestigd hoe quanto kontakt firmensitzes firmensitz sitz lebst leben lebt habitas
vives vive vivez habitez vivi swoja din ditt dit jeres hvor mange har
"""
"""Words around the one that counts: `What is your e-mail address?`"""
