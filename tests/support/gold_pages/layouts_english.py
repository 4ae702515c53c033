"""Layouts of English sites."""

from __future__ import annotations

from tests.support.gold_pages.site import Site, layout


@layout(p="p", h=("h2", "h3"), code="pre", table="plain", pictures=("lazy", "plain"), entities=(False, True))
def theme(s: Site) -> str:
    """A blog with a theme of a common publishing system: widgets, comments, share buttons."""
    main = f"""<div id="primary" class="content-area"><main id="main" class="site-main"><article id="post-{s.number(10, 9999)}" class="post type-post status-publish format-standard hentry category-{s.pick(s.words.tags)}"><header class="entry-header"><h1 class="entry-title">{s.title}</h1><div class="entry-meta"><span class="posted-on">Posted on <time class="entry-date" datetime="{s.date()}">{s.date()}</time></span> <span class="byline">by <a class="url fn n" href="/author/">{s.user()}</a></span></div></header>
<div class="entry-content">{s.body}
<div class="sharedaddy sd-sharing-enabled"><h3 class="sd-title">Share this:</h3>{s.share(4)}</div><div id="jp-relatedposts"><h3>{s.label()}</h3>{s.links(3, '<div class="jp-post"><a href="/?p={n}">{t}</a><span>{d}</span></div>')}</div></div>
<footer class="entry-footer">Posted in {s.tags(1)} Tagged {s.tags(3)}</footer></article><nav class="post-navigation"><a rel="prev">Previous: {s.headline()}</a> <a rel="next">Next: {s.headline()}</a></nav>
<div id="comments" class="comments-area"><h2 class="comments-title">{s.number(2, 40)} thoughts on this post</h2><ol class="comment-list">{s.comments(4, '<li class="comment"><article class="comment-body"><footer><b class="fn">{u}</b> <span class="says">says:</span> <a>{d} at 9:{v}</a></footer><div class="comment-content"><p>{t}</p></div><a class="comment-reply-link">Reply</a></article></li>')}</ol><div id="respond"><h3>Leave a Reply</h3><p>{s.say('We never show your address. Fields with a star must be filled in.')}</p><form><textarea></textarea><input type="submit" value="Post Comment"></form></div></div></main></div>"""
    side = f"""<aside id="secondary" class="widget-area"><section class="widget widget_search"><form><input type="search" placeholder="Search &hellip;"></form></section><section class="widget"><h2>{s.label()}</h2><ul>{s.links(6)}</ul></section><section class="widget"><h2>Archives</h2><ul><li>March 2019</li><li>February 2019</li><li>November 2018</li></ul></section><section class="widget widget_text"><div class="textwidget">{s.ad()}</div></section><section class="widget widget_tag_cloud">{s.tags(9)}</section></aside>"""
    return f"""<!DOCTYPE html>
<html lang="en-US" class="no-js">
{s.head('<meta name="generator" content="Press 5.8"><link rel="alternate" type="application/rss+xml" href="/feed/">')}
<body class="post-template-default single single-post"><div id="page" class="site"><a class="skip-link screen-reader-text" href="#content">Skip to content</a><header id="masthead" class="site-header"><p class="site-title"><a href="/">{s.name}</a></p><p class="site-description">{s.signature()}</p><nav id="site-navigation"><ul class="menu">{s.nav(7, '<li class="menu-item menu-item-{n}"><a href="/{n}">{t}</a></li>')}</ul></nav></header><div id="content" class="site-content">{s.flip(main, side)}</div><footer id="colophon" class="site-footer">{s.footer(3)}</footer></div>
{s.tail()}</body></html>"""


@layout(p="p", h="h2", pictures=("lazy", "noscript"), table="thead", entities=(False, True))
def magazine(s: Site) -> str:
    """A newspaper's page in semantic HTML5, behind a cookie banner."""
    return f"""<!DOCTYPE html>
<html lang="en">
{s.head('<meta property="og:type" content="article"><meta name="viewport" content="width=device-width, initial-scale=1">')}
<body><div class="cookie-consent" role="dialog" aria-label="Privacy"><p>{s.cookie()}</p><button>Accept all</button><button>Manage options</button></div>
<header class="masthead" role="banner"><nav aria-label="Primary"><ul>{s.nav(10)}</ul></nav><a class="masthead__logo" href="/">{s.name}</a><a>Subscribe</a> <a>Sign in</a></header>
<main id="main"><nav class="breadcrumb" aria-label="Breadcrumb">{s.crumbs(' / ')}</nav><article class="story"><header class="story__header"><h1 class="story__headline">{s.title}</h1><p class="story__byline">By <a rel="author">{s.user()}</a>, staff writer</p><time datetime="{s.date()}">{s.date()}</time><ul class="story__share">{s.share(4, '<li><button>{t}</button></li>')}</ul></header>
<div class="story__body" itemprop="articleBody">{s.interrupted(f'<aside class="inline-related"><h4>Read more</h4><a href="/{s.number(1000, 9999)}">{s.headline()}</a><p>{s.comment()}</p></aside>')}</div><aside class="newsletter-signup"><h2>Newsletter</h2><p>{s.login()}</p><form><input type="email"><button>Sign up</button></form></aside><footer class="story__tags"><ul>{s.tags(4)}</ul></footer></article>
<section class="related" aria-labelledby="rel"><h2 id="rel">{s.label()}</h2>{s.links(6, '<article class="teaser"><h3><a href="/{n}">{t}</a></h3><time>{d}</time></article>')}</section><aside class="most-read"><h2>{s.label()}</h2><ol>{s.links(8)}</ol></aside><section class="comments"><h2>Comments ({s.number(3, 300)})</h2>{s.comments(3, '<article class="comment"><h4>{u}</h4><p>{t}</p><button>Recommend ({v})</button></article>')}</section></main>
<div class="ad-slot" aria-hidden="true">{s.ad()}</div><footer role="contentinfo"><nav>{s.nav(8, '<a>{t}</a>')}</nav>{s.footer(3)}</footer>
{s.tail()}</body></html>"""


@layout(p="p", h="h2", code=("pre", "spans"), table="plain", maths="raw")
def exchange(s: Site) -> str:
    """Questions and answers by vote."""
    question, *rest = s.posts()

    def cell(name: str, body: str) -> str:
        return f"""<div class="post-layout"><div class="votecell post-layout--left"><div class="js-voting-container"><button aria-label="Up vote"></button><div class="js-vote-count">{s.number(0, 400)}</div><button aria-label="Down vote"></button></div></div><div class="postcell post-layout--right"><div class="s-prose js-post-body" itemprop="text">
{body}
</div><div class="mt16 post-menu"><a>Share</a> <a>Improve this {name}</a> <a>Follow</a></div><div class="post-signature"><div class="user-info"><div class="user-action-time">{'asked' if name == 'question' else 'answered'} {s.date()}</div><div class="user-details"><a>{s.user()}</a><span class="reputation-score">{s.number(1, 99)},{s.number(100, 999)}</span> {s.number(1, 9)} gold badges</div></div></div></div></div>
<div class="comments js-comments-container"><ul class="comments-list">{s.comments(1.2, '<li class="comment"><div class="comment-text"><span class="comment-copy">{t}</span> &ndash;&nbsp;<a class="comment-user">{u}</a> <span class="comment-date">{d}</span></div></li>')}</ul><a>Add a comment</a></div>"""

    shown = "".join(f'<div id="answer-{s.number(1000, 999999)}" class="answer js-answer" itemprop="suggestedAnswer">{cell("answer", body)}</div>' for _, body in rest)
    return f"""<!DOCTYPE html>
<html itemscope itemtype="https://schema.org/QAPage" class="html__responsive">
{s.head()}
<body class="question-page unified-theme"><header class="s-topbar"><a class="s-topbar--logo">{s.name}</a><ol>{s.nav(4)}</ol><form role="search"><input placeholder="Search…"></form><a>Log in</a><a>Sign up</a></header>
<div class="container"><div id="left-sidebar"><ol class="nav-links">{s.nav(6)}</ol><p>{s.say('Small teams keep their own questions here without paying')}</p></div><div id="content"><div class="inner-content"><div id="question-header"><h1 itemprop="name" class="fs-headline1"><a class="question-hyperlink">{s.title}</a></h1><a class="ask">Ask Question</a></div><div class="d-flex">Asked {s.number(2, 12)} years, {s.number(2, 11)} months ago Modified {s.number(2, 11)} months ago Viewed {s.number(2, 900)}k times</div>
<div id="mainbar"><div class="question js-question" id="question">{cell('question', question[1])}<div class="post-taglist">{s.tags(4)}</div></div><div id="answers"><div id="answers-header"><h2>{len(rest)} Answers</h2> Sorted by: <select><option>Highest score (default)</option><option>Date modified (newest first)</option></select></div>{shown}<h2>Your Answer</h2><form><textarea></textarea><p>{s.say('Whoever answers here accepts our terms and our notice on privacy')}</p></form></div></div>
<div id="sidebar"><div class="s-sidebarwidget">{s.ad()}</div><div class="module sidebar-linked"><h4>Linked</h4>{s.links(3, '<div class="spacer"><a><div class="answer-votes">{v}</div></a><a class="question-hyperlink">{t}</a></div>')}</div><div class="module sidebar-related"><h4>Related</h4>{s.links(6, '<div class="spacer"><div class="answer-votes">{v}</div><a class="question-hyperlink">{t}</a></div>')}</div><div id="hot-network-questions"><h4>Hot questions elsewhere</h4><ul>{s.links(6)}</ul></div></div></div></div></div>
<footer id="footer" class="site-footer">{s.nav(9)}{s.footer(2)}</footer><div class="js-consent-banner"><p>{s.cookie()}</p></div>
{s.tail()}</body></html>"""


@layout(old=True, p="br", h="strong", code="pre", pictures="plain", entities=(False, True))
def bulletin(s: Site) -> str:
    """A bulletin board of the phpBB kind."""
    posts = ""
    for i, (post, body) in enumerate(s.posts()):
        posts += f"""<div id="p{s.number(10000, 99999)}" class="post bg{i % 2 + 1}"><div class="inner"><dl class="postprofile"><dt><a href="./memberlist.php?u={s.number(2, 900)}"><img src="./avatar.php?{s.number(2, 900)}"></a><br /><a class="username">{post.author}</a></dt><dd>{s.pick(['Site Admin', 'Regular', 'Newbie', 'Old hand'])}</dd><dd>&nbsp;</dd><dd><strong>Posts:</strong> {s.number(1, 9000)}</dd><dd><strong>Joined:</strong> {s.date()}</dd><dd><strong>Location:</strong> {s.pick(s.words.places)}</dd></dl>
<div class="postbody"><ul class="profile-icons"><li>Report this post</li><li>Quote</li></ul><h3 {'class="first"' if i == 0 else ''}></h3><p class="author"><a><img src="icon_post.gif" alt="Post"></a>by <strong>{post.author}</strong> &raquo; {s.date()} {s.number(1, 12)}:{s.number(10, 59)} pm</p><div class="content">{body}</div>{f'<div id="sig{i}" class="signature">{s.signature()}</div>' if s.draw.random() < 0.6 else ''}</div></div><div class="back2top"><a title="Top">Top</a></div></div><hr class="divider" />
"""
    return f"""<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" dir="ltr" lang="en-gb">
{s.head()}
<body id="board" class="section-viewtopic ltr"><div id="wrap"><div id="page-header"><div class="headerbar"><p class="site-name">{s.name}</p><p>{s.signature()}</p><p class="skiplink"><a>Skip to content</a></p></div><div class="navbar"><ul class="linklist navlinks"><li>{s.crumbs(' &#8249; ')}</li><li>Change font size</li><li>Print view</li></ul><ul class="linklist"><li>FAQ</li><li>Register</li><li>Login</li></ul></div></div>
<div id="page-body"><h1 class="topic-title"><a href="./viewtopic.php?t={s.number(100, 9999)}">{s.title}</a></h1><div class="topic-actions"><div class="buttons"><a>Post a reply</a></div><div class="pagination">{len(s.content.posts)} posts &bull; Page <strong>1</strong> of <strong>1</strong></div></div>
{posts}<form method="post"><fieldset>Display posts from previous: <select><option>All posts</option><option>1 day</option><option>1 year</option></select> Sort by <select><option>Author</option><option selected>Post time</option></select></fieldset></form><p class="jumpbox-return">Return to {s.pick(s.words.things)}</p><ul class="similar">{s.links(6, '<li><a>{t}</a> by {u} &raquo; {d}</li>')}</ul><h3>Who is online</h3><p>{s.say('Users browsing this forum: No registered users and')} {s.number(2, 40)} guests</p><p>{s.login()}</p></div>
<div id="page-footer"><div class="navbar"><ul><li>Board index</li><li>The team</li><li>Delete all board cookies</li><li>All times are UTC</li></ul></div><div class="copyright">{s.footer(2, '{t}<br />')}</div></div></div>
{s.tail()}</body></html>"""


@layout(p="p", h="h2", code="spans", pictures="lazy")
def discussion(s: Site) -> str:
    """A forum of the newer kind as crawlers are served it."""
    posts = ""
    for i, (post, body) in enumerate(s.posts()):
        posts += f"""<div id="post_{i + 1}" class="topic-body crawler-post"><div class="crawler-post-meta"><span class="creator" itemprop="author"><a href="/u/{post.author}"><span itemprop="name">{post.author}</span></a></span><span class="crawler-post-infos"><time datetime="{s.date()}T10:00:00Z" class="post-time">{s.date()}</time><meta itemprop="dateModified"><span itemprop="position">{i + 1}</span></span></div><div class="post" itemprop="text">
{body}
</div><div itemprop="interactionStatistic"><meta itemprop="userInteractionCount" content="{s.number(0, 30)}"><span class="post-likes">{s.number(2, 30)} Likes</span></div></div>
"""
    return f"""<!DOCTYPE html>
<html lang="en">
{s.head('<meta name="generator" content="Talk 3.1"><link rel="alternate" type="application/rss+xml" href="/latest.rss">')}
<body class="crawler"><header><a href="/">{s.name}</a><nav>{s.nav(4, '<a>{t}</a>')}</nav></header><div id="main-outlet" class="wrap" role="main"><div id="topic-title"><h1><a href="/t/{s.number(10, 9999)}">{s.title}</a></h1><div class="topic-category"><a class="badge-wrapper"><span class="category-name">{s.pick(s.words.nav)}</span></a></div><div class="topic-tags">{s.tags(2)}</div></div><div itemscope itemtype="http://schema.org/DiscussionForumPosting">{posts}</div>
<div id="related-topics" class="more-topics__list"><h3>{s.label()}</h3><div class="topic-list-container"><table class="topic-list"><thead><tr><th>Topic</th><th>Replies</th><th>Views</th><th>Activity</th></tr></thead><tbody>{s.links(9, '<tr class="topic-list-item"><td><a class="title raw-link">{t}</a></td><td>{v}</td><td>{v}</td><td>{d}</td></tr>')}</tbody></table></div></div></div><footer class="container wrap"><nav>{s.nav(4)}</nav><p>{s.login()}</p>{s.footer(2)}</footer><noscript>{s.say('This application works best with scripts switched on; the buttons below need them')}</noscript>
{s.tail()}</body></html>"""


@layout(p="p", h="h2", code="spans", table="thead")
def docs(s: Site) -> str:
    """Documentation of a framework, generated from Markdown."""
    code = f"css-{s.number(1000, 9999)}"
    return f"""<!doctype html>
<html lang="en" dir="ltr" class="docs-wrapper plugin-docs docs-version-current" data-has-hydrated="false">
{s.head('<meta name="docsearch:language" content="en">')}
<body class="navigation-with-keyboard"><div id="__docs"><div role="region" aria-label="Skip to main content"><a class="skipToContent_{code}" href="#main">Skip to main content</a></div><div class="announcementBar" role="banner">{s.ad()}</div><nav class="navbar navbar--fixed-top"><div class="navbar__items"><b class="navbar__title">{s.pick(s.words.places)}Kit</b>{s.nav(5, '<a class="navbar__item navbar__link">{t}</a>')}<a>Next</a> <a>2.4</a> <a>1.x</a></div></nav>
<div class="main-wrapper docMainContainer_{code}"><aside class="theme-doc-sidebar-container"><nav class="menu thin-scrollbar"><ul class="theme-doc-sidebar-menu menu__list">{s.links(10, '<li class="theme-doc-sidebar-item-link menu__list-item"><a class="menu__link" href="/docs/{n}">{t}</a></li>')}</ul></nav></aside>
<main class="docMainContainer"><div class="container"><div class="row"><div class="col docItemCol"><div class="docItemContainer"><article><nav class="theme-doc-breadcrumbs"><ul class="breadcrumbs">{s.crumbs(' ')}</ul></nav><span class="theme-doc-version-badge badge badge--secondary">Version: 2.4</span><div class="theme-doc-markdown markdown"><header><h1>{s.title}</h1></header>{s.body}</div><footer class="theme-doc-footer"><a>Edit this page</a><span>Last updated on <time>{s.date()}</time> by {s.user()}</span></footer></article><nav class="pagination-nav" aria-label="Docs pages"><a class="pagination-nav__link--prev"><div>Previous</div><div>{s.headline()}</div></a><a><div>Next</div><div>{s.headline()}</div></a></nav></div></div><div class="col col--3"><div class="tableOfContents thin-scrollbar"><ul>{s.links(4, '<li><a class="table-of-contents__link toc-highlight">{t}</a></li>')}</ul></div></div></div></div></main></div>
<footer class="footer footer--dark"><div class="footer__links">{s.nav(9, '<a class="footer__link-item">{t}</a>')}</div>{s.footer(2)}</footer></div>
{s.tail()}</body></html>"""


@layout(p="p", h="h2", code="pre", table="plain", maths="mathml")
def manual(s: Site) -> str:
    """Documentation of a library, generated from reStructuredText."""
    side = f"""<div class="sphinxsidebar" role="navigation"><div class="sphinxsidebarwrapper"><h3><a>Table of Contents</a></h3><ul>{s.links(7)}</ul><h4>Previous topic</h4><p>{s.headline()}</p><h4>Next topic</h4><p>{s.headline()}</p><div role="note"><h3>This Page</h3><ul><li>Report a Bug</li><li>Show Source</li></ul></div><div id="searchbox"><h3>Quick search</h3><form><input name="q"><input type="submit" value="Go"></form></div></div></div>"""
    main = f"""<div class="document"><div class="documentwrapper"><div class="bodywrapper"><div class="body" role="main"><section id="s{s.number(10, 99)}"><h1>{s.title}<a class="headerlink" href="#" title="Permalink">&#182;</a></h1>
{s.body}
</section></div></div></div></div>"""
    return f"""<!DOCTYPE html>
<html lang="en" data-content_root="./">
{s.head('<script src="_static/documentation_options.js"></script>')}
<body><div class="related" role="navigation"><h3>Navigation</h3><ul>{s.nav(5, '<li class="nav-item">{t} &#187;</li>')}<li>index</li><li>modules |</li><li>{s.signature()}</li></ul></div>{s.flip(main, side)}<div class="clearer"></div><div class="related"><ul>{s.links(4)}</ul></div><div class="footer" role="contentinfo">{s.footer(2, '{t} ')} Last updated on {s.date()}. {s.ad()}</div>
{s.tail()}</body></html>"""


@layout(p="p", h="h2", maths="wiki", table="plain", pictures="plain", code="pre")
def wiki(s: Site) -> str:
    """A wiki: tools of editing, navigation boxes, references, formulas with fallback pictures."""
    return f"""<!DOCTYPE html>
<html class="client-nojs" lang="en" dir="ltr">
{s.head('<meta name="generator" content="Wiki 1.39"><link rel="EditURI" href="/w/api.php?action=rsd">')}
<body class="mediawiki ltr sitedir-ltr ns-0 ns-subject page-Main skin-vector action-view"><div id="mw-page-base" class="noprint"></div><div id="content" class="mw-body" role="main"><a id="top"></a><div id="siteNotice">{s.ad()}</div><h1 id="firstHeading" class="firstHeading mw-first-heading">{s.title}</h1><div id="bodyContent" class="vector-body"><div id="siteSub" class="noprint">{s.say(f'From {s.name}, the encyclopedia that anybody can mend')}</div><a class="mw-jump-link">Jump to navigation</a><a class="mw-jump-link">Jump to search</a>
<div id="mw-content-text" class="mw-body-content mw-content-ltr" lang="en"><div class="mw-parser-output"><div class="hatnote">{s.say('For other uses of this term, see the page of the same name (disambiguation)')}</div>
{s.body}
<div class="reflist"><h2>References</h2><ol class="references">{s.links(5, '<li><span class="mw-cite-backlink">^</span> <span class="reference-text">{u} ({d}). "{t}".</span></li>')}</ol></div><div role="navigation" class="navbox"><table class="navbox-inner"><tr><th>{s.label()}</th></tr><tr><td>{s.links(8, '<a>{t}</a> <b>&#183;</b> ')}</td></tr></table></div></div></div><div id="catlinks" class="catlinks">Categories: {s.tags(4)} <span>Hidden categories: Pages with unreviewed changes</span></div></div></div>
<div id="mw-navigation"><h2>Navigation menu</h2><div id="p-personal"><ul><li>Not logged in</li><li>Talk</li><li>Contributions</li><li>Create account</li></ul></div><div id="p-views"><ul><li>Read</li><li>Edit</li><li>View history</li></ul></div><div id="mw-panel">{s.nav(9)}<h3>Tools</h3><ul><li>What links here</li><li>Related changes</li><li>Permanent link</li><li>Page information</li><li>Cite this page</li></ul></div></div><footer id="footer" class="mw-footer">This page was last edited on {s.date()}.{s.footer(3)}</footer>
{s.tail()}</body></html>"""


@layout(p="p", h="h3", specs=("table", "dl"), table="plain", pictures="lazy")
def shop(s: Site) -> str:
    """A small shop on a hosted platform."""
    return f"""<!doctype html>
<html class="no-js" lang="en">
{s.head('<meta property="og:type" content="product"><meta property="og:price:currency" content="USD">')}
<body class="template-product"><a class="in-page-link visually-hidden" href="#MainContent">Skip to content</a><div id="cart-drawer" class="drawer" hidden><h2>Your cart is empty</h2><p>{s.login()}</p></div><div class="announcement-bar"><p>{s.ad()}</p></div><header class="site-header"><a class="site-header__logo">{s.name}</a><nav><ul>{s.nav(6)}</ul></nav><a>Log in</a> <a>Cart (0)</a></header>
<main id="MainContent" role="main"><section id="Product-{s.number(1000, 9999)}" class="product-section"><div class="grid product-single"><div class="product-single__media"><img class="lazyload" data-src="//cdn.site.example/p/{s.number(1000, 9999)}_{{width}}x.jpg" alt=""><noscript><img src="/p.jpg"></noscript></div><div class="product-single__meta"><h1 class="product-single__title">{s.title}</h1><div class="price"><span class="visually-hidden">Regular price</span> ${s.number(9, 400)}.00 <span>Unit price per</span> Tax included. Shipping calculated at checkout.</div><form class="product-form"><select><option>Small</option><option>Large</option></select><label>Quantity</label><input type="number" value="1"><button name="add">Add to cart</button></form><div class="product-single__description rte">{s.body}</div><div class="social-sharing">{s.share(3)}</div></div></div></section>
<section class="reviews"><h2>Customer reviews</h2><div>Based on {s.number(3, 400)} reviews Write a review</div>{s.comments(5, '<div class="spr-review"><span class="spr-starratings" aria-label="5 of 5 stars"></span><h3>{u}</h3><div class="spr-review-content"><p>{t}</p></div><a>Report as inappropriate</a></div>')}</section><section class="product-recommendations"><h2>{s.label()}</h2><ul class="grid">{s.links(6, '<li class="grid__item"><a class="product-card"><h3>{t}</h3><span>$' + '{v}.00</span></a></li>')}</ul></section></main>
<footer class="site-footer"><ul>{s.nav(6)}</ul><p>{s.cookie()}</p>{s.footer(3)}</footer>
{s.tail()}</body></html>"""


@layout(old=True, p="div", h="h2", specs="table", table="plain", pictures="plain", entities=True)
def catalogue(s: Site) -> str:
    """A large store of about 2010: a table of columns, lists beside the product."""
    return f"""<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN">
<html>
{s.head()}
<body bgcolor="#ffffff"><a name="top"></a><table width="100%" class="navbar"><tr><td><img src="/g/logo.gif"></td><td>Hello. <a>Sign in</a> to get personalized recommendations. New customer? <a>Start here</a>.</td></tr><tr><td colspan="2">{s.nav(9, '<a>{t}</a> &nbsp;')}</td></tr></table>
<div class="buying"><table><tr>{s.flip(f'<td width="180" valign="top" id="leftcol"><b>{s.label()}</b>{s.links(9, "<div class=tiny><a href=/b/{n}>{t}</a></div>")}<hr>{s.ad()}</td>', f'<td valign="top" id="divsinglecolumnminwidth"><h1 class="parseTitle"><span id="btTitle">{s.title}</span></h1><span>by <a>{s.user()}</a></span> <span class="crAvgStars">({s.number(3, 900)} customer reviews)</span><table class="product"><tr><td>List Price:</td><td class="listprice">${s.number(40, 90)}.95</td></tr><tr><td>Price:</td><td><b class="priceLarge">${s.number(10, 39)}.95</b> &amp; eligible for free shipping</td></tr></table><b>In Stock.</b> Want it delivered tomorrow? Order it in the next {s.number(2, 12)} hours. <div id="productDescription" class="content">{s.body}</div><h2>{s.label()}</h2>{s.links(6, "<table><tr><td><img src=/i/{n}.jpg></td></tr><tr><td><a>{t}</a> by {u}</td></tr></table>")}<div id="customerReviews"><h2>Customer Reviews</h2>{s.comments(5, "<div class=rev>{v} of {v} people found the following review helpful<br><b>{d}</b> By <a>{u}</a><br>{t}<br>Was this review helpful to you? Yes No</div>")}</div></td>')}</tr></table></div>
<table width="100%"><tr><td align="center">{s.footer(3, '{t}<br>')}</td></tr></table>
{s.tail()}</body></html>"""


@layout(p="p", h="h2", table="thead", specs="dl")
def council(s: Site) -> str:
    """A public authority's notice in the manner of a design system."""
    return f"""<!DOCTYPE html>
<html class="gov-template" lang="en">
{s.head('<meta name="theme-color" content="#0b0c0c">')}
<body class="gov-template__body"><a href="#main-content" class="skip-link">Skip to main content</a><div class="cookie-banner" role="region"><h2>Cookies on this site</h2><p>{s.cookie()}</p><button>Accept additional cookies</button><button>Reject additional cookies</button></div><header class="gov-header" role="banner"><a>{s.name}</a><button>Menu</button><ul>{s.nav(5)}</ul></header>
<div class="width-container"><div class="phase-banner"><strong>Beta</strong> <span>{s.say('We are still building these pages; tell us what is missing')}</span></div><div class="breadcrumbs"><ol>{s.nav(3)}</ol></div><main class="main-wrapper" id="main-content" role="main"><div class="grid-row"><div class="column-two-thirds"><span class="caption-xl">Guidance</span><h1 class="heading-xl">{s.title}</h1><dl class="metadata"><dt>From:</dt><dd>{s.name}</dd><dt>Published</dt><dd>{s.date()}</dd><dt>Last updated</dt><dd>{s.date()} <a>See all updates</a></dd></dl><div class="gem-c-govspeak govspeak">{s.body}</div><div class="print">{s.share(2)}</div></div><aside class="column-one-third"><h2>{s.label()}</h2><ul>{s.links(7)}</ul><h2>Collection</h2><ul>{s.links(3)}</ul></aside></div><div class="feedback"><h2>Is this page useful?</h2><button>Yes</button><button>No</button><p>{s.say('Please leave out names, addresses and account numbers.')}</p></div></main></div>
<footer class="gov-footer" role="contentinfo"><h2>Services and information</h2><ul>{s.nav(7)}</ul>{s.footer(3)}</footer>
{s.tail()}</body></html>"""


@layout(p="p", h="h2", items=("article", "li", "div"), pictures="lazy")
def index(s: Site) -> str:
    """A list of cards: posts, jobs, events."""
    main = f"""<main class="{s.pick(['posts-list', 'results', 'feed'])}"><header class="page-header"><h1>{s.title}</h1><p class="count">Showing 1 to 10 of {s.number(20, 400)}</p><label>Sort by <select><option>Newest</option><option>Relevance</option></select></label></header>{s.body}<nav class="pagination"><a>Older</a> <span>1</span> <a>2</a> <a>3</a> <a>Newer</a></nav></main>"""
    side = f"""<aside class="sidebar"><div class="widget filter"><h3>Filter</h3>{s.tags(9, '<label><input type="checkbox">{t} ({v})</label>')}</div><div class="widget"><h3>{s.label()}</h3><ul>{s.links(7)}</ul></div><div class="widget promo">{s.ad()}</div><div class="widget"><h3>Alerts</h3><p>{s.login()}</p></div></aside>"""
    return f"""<!DOCTYPE html>
<html lang="en">
{s.head('<link rel="alternate" type="application/atom+xml" href="/feed.xml">')}
<body><header class="top"><a class="brand">{s.name}</a><nav>{s.nav(7, '<a>{t}</a>')}</nav><form role="search"><input type="search"><button>Search</button></form></header><div class="columns">{s.flip(main, side)}</div><section class="related"><h2>{s.label()}</h2>{s.links(5, '<div class="mini"><a>{t}</a> <time>{d}</time></div>')}</section><footer>{s.footer(3)}</footer><div id="consent" style="position:fixed">{s.cookie()} <button>OK</button></div>
{s.tail()}</body></html>"""


@layout(old=True, p="open", h="h3", items="dl", table="open", specs="table", pictures="plain", entities=(False, True))
def homepage(s: Site) -> str:
    """A page of 1999 by hand: no end tags, fonts and centred tables."""
    return f"""<html>
{s.head('<meta name="GENERATOR" content="Page Editor 3.0">')}
<body bgcolor=#ffffee text=#000000 background="paper.gif"><table border=0 width=760 align=center><tr><td width=150 valign=top bgcolor=#ddddaa><font size=2 face=Arial><b>{s.name}</b><p>{s.nav(8, '<a href="{n}.htm">{t}</a><br>')}<p><b>{s.label()}</b><br>{s.links(6, '<a href="{n}.htm">{t}</a><p>')}<img src=counter.gif> visitors since {s.date()}</font>
<td valign=top><center><font size=5 color=#800000><h1>{s.title}</h1></font></center><hr noshade size=1>
{s.body}
<hr><center><font size=1>[ <a href=prev.htm>Previous</a> | <a href=ring.htm>Random site of the web ring</a> | <a href=next.htm>Next</a> ]<br>{s.ad()}<br>Guestbook: {s.comments(2, '<i>{t}</i> ({u}, {d})<br>')}</font></center></table>
<center><font size=1>{s.footer(2, '{t}<br>')} Best viewed at 800x600</font></center>
{s.tail()}
</html>"""


@layout(p="p", h="h2", code="spans", table="thead", maths="katex")
def repository(s: Site) -> str:
    """The readme of a project on a code host."""
    return f"""<!DOCTYPE html>
<html lang="en" data-color-mode="auto" data-light-theme="light" data-dark-theme="dark">
{s.head('')}
<body class="logged-out env-production page-responsive"><div class="header-wrapper"><a href="#start-of-content" class="show-on-focus">Skip to content</a><header role="banner"><ul>{s.nav(6)}</ul><a>Sign in</a> <a>Sign up</a></header></div><div class="application-main"><main id="js-repo-pjax-container"><div class="pagehead"><strong>{s.user()}/{s.pick(s.words.tags)}</strong> Public <ul><li>Notifications</li><li>Fork {s.number(2, 90)}</li><li>Star {s.number(2, 900)}</li></ul></div><nav>Code Issues {s.number(2, 90)} Pull requests {s.number(1, 9)} Actions Projects Security Insights</nav><div role="grid" class="Details-content--hidden">{s.links(8, '<div role="row"><div role="rowheader"><a>{n}</a></div><div class="commit-message">{t}</div><time>{d}</time></div>')}</div>
<div id="readme" class="Box md js-code-block-container"><div class="Box-header"><h2>README.md</h2></div><article class="markdown-body entry-content container-lg" itemprop="text"><h1 tabindex="-1">{s.title}</h1>{s.body}</article></div><div class="Layout-sidebar"><h2>About</h2><p>{s.headline()}</p>{s.tags(5)}<h2>Releases {s.number(2, 40)}</h2><h2>Contributors {s.number(2, 40)}</h2><ul><li>{s.user()}</li><li>{s.user()}</li></ul><h2>Languages</h2>Python 91.2% Shell 8.8%</div></main></div><footer class="footer">{s.footer(2)}{s.nav(6)}</footer><div class="flash-error" hidden>{s.say('This did not work; load the page again and retry')}</div><template>{s.cookie()}</template>
{s.tail()}</body></html>"""


@layout(p="p", h="h2", code="gutter", maths=("katex", "mathml"), table="thead")
def notebook(s: Site) -> str:
    """A technical blog from a static site generator, in either language."""
    prev, next_, about = ("上一篇", "下一篇", "关于") if s.zh else ("Previous post", "Next post", "About")
    return f"""<!DOCTYPE html>
<html lang="{'zh-CN' if s.zh else 'en'}">
{s.head('<link rel="stylesheet" href="/katex.min.css"><meta name="generator" content="Static 0.110">')}
<body class="line-numbers" id="top"><header class="header"><nav class="nav"><div class="logo"><a href="/" accesskey="h">{s.name}</a></div><ul id="menu">{s.nav(5)}</ul><button id="theme-toggle"></button></nav></header><main class="main"><article class="post-single"><header class="post-header"><div class="breadcrumbs">{s.crumbs('&nbsp;»&nbsp;')}</div><h1 class="post-title">{s.title}</h1><div class="post-meta"><span>{s.date()}</span>&nbsp;·&nbsp;<span>{s.number(2, 30)} min</span>&nbsp;·&nbsp;{s.user()}</div></header><details class="toc"><summary>{about}</summary><ul>{s.links(3)}</ul></details><div class="post-content">{s.body}</div><footer class="post-footer"><ul class="post-tags">{s.tags(3, '<li><a>{t}</a></li>')}</ul><nav class="paginav"><a class="prev"><span class="title">« {prev}</span><br><span>{s.headline()}</span></a><a class="next"><span class="title">{next_} »</span><br><span>{s.headline()}</span></a></nav><div class="share-buttons">{s.share(3)}</div></footer><div class="giscus">{s.comments(3, '<div class="gsc-comment"><b>{u}</b> {d}<div class="gsc-comment-content">{t}</div></div>')}</div></article><section class="related-posts"><h3>{s.label()}</h3><ul>{s.links(5)}</ul></section></main><footer class="footer">{s.footer(2, '<span>{t}</span>')}<span>{s.ad()}</span></footer>
{s.tail()}</body></html>"""


@layout(p="p", h="h2", table="thead", specs="table", maths="katex", pictures="lazy")
def statistics(s: Site) -> str:
    """A page of figures of a data portal, in either language."""
    download = ("下载 Excel", "下载 CSV", "数据说明", "引用格式") if s.zh else ("Download XLSX", "Download CSV", "Methodology", "Cite")
    return f"""<!DOCTYPE html>
<html lang="{'zh' if s.zh else 'en'}">
{s.head()}
<body><div id="app"><header class="app-header"><div class="brand">{s.name}</div><nav>{s.nav(7, '<a class="app-header__link" href="/{n}">{t}</a>')}</nav></header><div class="page"><aside class="tree" role="navigation"><h2>{s.label()}</h2><ul>{s.links(9, '<li class="tree__node"><span class="caret"></span><a>{t}</a></li>')}</ul></aside><section class="data-view"><div class="data-view__toolbar">{''.join(f'<button>{each}</button>' for each in download)}</div><h1 class="data-view__title">{s.title}</h1><div class="data-view__content">{s.body}</div><div class="data-view__next">{s.links(5, '<a class="chip">{t}</a>')}</div><div class="questionnaire"><p>{s.login()}</p></div></section></div><footer>{s.footer(3)}</footer><div class="toast" aria-live="polite">{s.cookie()}</div></div>
{s.tail()}</body></html>"""


@layout(p="p", h="h2", pictures="lazy")
def helpdesk(s: Site) -> str:
    """Questions with answers that fold away, in either language."""
    question, *rest = s.posts()
    folded = "".join(f'<div class="faq__answer"><div class="faq__by">{post.author}</div><div class="faq__text">{body}</div><div class="faq__vote">{"有帮助吗？ 是 否" if s.zh else "Was this helpful? Yes No"}</div></div>' for post, body in rest)
    return f"""<!DOCTYPE html>
<html lang="{'zh-Hans' if s.zh else 'en'}">
{s.head()}
<body><header><a class="logo">{s.name}</a><nav>{s.nav(6, '<a>{t}</a>')}</nav></header><div class="hero"><form role="search"><input type="search" placeholder="{'搜索帮助' if s.zh else 'Search help'}"></form></div><ol class="breadcrumbs">{s.nav(3)}</ol><div class="container"><section class="sidenav"><h3>{s.label()}</h3><ul>{s.links(8)}</ul></section><div class="question-detail"><header><h1 title="">{s.title}</h1><div class="question-meta"><span>{s.user()}</span><time>{s.date()}</time></div></header><section class="question-body">{question[1]}</section><section class="answers">{folded}</section><div class="contact"><p>{s.login()}</p></div></div><aside class="related"><h3>{s.label()}</h3><ul>{s.links(5)}</ul><div class="promo">{s.ad()}</div></aside></div><footer>{s.footer(2)}</footer>
{s.tail()}</body></html>"""


@layout(old=True, p=("br", "div"), h="strong", code="pre", pictures="plain")
def thread(s: Site) -> str:
    """A thread of a forum in one table, a message a row."""
    rows = "".join(f'<tr class="{"odd" if i % 2 else "even"}"><td class="alt2" width="175" valign="top"><div id="postmenu_{s.number(1000, 9999)}"><a class="bigusername">{post.author}</a></div><div class="smallfont">{s.pick(["Member", "Senior Member", "Registered User"])}</div><div class="smallfont">Join Date: {s.date()}<br>Posts: {s.number(3, 900)}</div></td><td class="alt1"><div class="smallfont">{s.date()}, {s.number(10, 12)}:{s.number(10, 59)} PM</div><hr size="1"><div id="post_message_{s.number(1000, 9999)}">{body}</div>{f"<div>__________________<br>{s.signature()}</div>" if s.draw.random() < 0.5 else ""}<div align="right">Reply With Quote</div></td></tr>\n' for i, (post, body) in enumerate(s.posts()))
    return f"""<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html>
{s.head()}
<body><div align="center"><div class="page" style="width:100%"><table class="tborder" width="100%"><tr><td><strong>{s.name}</strong> {s.crumbs(' &gt; ')}</td><td>{s.login()} User Name <input> Password <input> Remember Me?</td></tr><tr>{s.nav(6, '<td class="vbmenu_control"><a>{t}</a></td>')}</tr></table>
<h1>{s.title}</h1><table class="tborder" id="threadslist" width="100%" cellpadding="6"><tr><td colspan="2">LinkBack Thread Tools Search this Thread Display Modes</td></tr>{rows}</table><div class="smallfont">{s.ad()}</div>
<table class="tborder"><thead><tr><td colspan="5">Similar Threads</td></tr></thead>{s.links(8, '<tr><td><a href="showthread.php?t={n}">{t}</a></td><td>{u}</td><td>{v}</td><td>{d}</td></tr>')}</table><table><tr><td>Posting Rules: You may not post new threads. You may not post replies. Smilies are On. HTML code is Off.</td></tr></table><div class="smallfont" align="center">{s.footer(2, '{t}<br>')}All times are GMT. The time now is {s.number(1, 12)}:{s.number(10, 59)}.</div></div></div>
{s.tail()}</body></html>"""
